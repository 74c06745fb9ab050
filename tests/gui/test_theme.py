"""Colours can be told from their ground."""

import pytest
from PySide6.QtGui import QColor

from catdog_gui.views.theme import DARK, LIGHT, Colours

LEAST_CONTRAST = 4.5


def luminance(colour: QColor) -> float:
    """Return the relative luminance of a colour.

    Source: Web Content Accessibility Guidelines 2.2, "relative luminance".
    """
    channels = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (the same source)."""
    lighter, darker = sorted((luminance(QColor(first)), luminance(QColor(second))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_and_class_colour_stands_out_from_its_ground(colours: Colours) -> None:
    shades = (colours.text, colours.muted, colours.problem, colours.done, *colours.classes)
    pairs = [(s, ground) for s in shades for ground in (colours.window, colours.surface)]
    pairs += [(colours.on_accent, colours.accent), (colours.accent, colours.accent_soft)]
    too_close = {pair: contrast(*pair) for pair in pairs if contrast(*pair) < LEAST_CONTRAST}
    assert not too_close
