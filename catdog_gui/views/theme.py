"""Colours, fonts and the style sheet, light and dark, as the platform asks."""

from dataclasses import asdict, dataclass
from string import Template

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

import resources

GRID = 8
"""Every distance is a multiple of this, in device-independent pixels."""


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of one scheme; text on its ground has a contrast of at least 4.5:1."""

    window: str
    surface: str
    text: str
    muted: str
    border: str
    accent: str
    on_accent: str
    accent_soft: str
    problem: str
    done: str
    classes: tuple[str, ...]
    """From the colour-blind-safe set of Okabe and Ito, darkened or lightened for contrast."""


LIGHT = Colours(
    window="#F5F6F8",
    surface="#FFFFFF",
    text="#1B1F24",
    muted="#57606A",
    border="#D8DDE3",
    accent="#2457C5",
    on_accent="#FFFFFF",
    accent_soft="#E4EBFA",
    problem="#A62B17",
    done="#1A6B3C",
    classes=("#0067A3", "#A84600", "#00704F", "#95407A", "#6B5D00", "#4A4F8F"),
)
DARK = Colours(
    window="#1A1D21",
    surface="#23272D",
    text="#E8EAED",
    muted="#A3ACB8",
    border="#3B424B",
    accent="#8AB0FF",
    on_accent="#10141B",
    accent_soft="#2C3A55",
    problem="#FF9A86",
    done="#6FD39B",
    classes=("#56B4E9", "#E69F00", "#2BC79A", "#E39CC4", "#F0E442", "#A9B0FF"),
)


class Theme(QObject):
    """Follows the platform's colour scheme and dresses the application in it."""

    changed = Signal()

    def __init__(self, application: QApplication, appearance: str = "") -> None:
        """Dress `application`, and again whenever the platform's scheme changes.

        Args:
            application: What to dress.
            appearance: `light` or `dark`, whatever the platform says.
        """
        super().__init__(application)
        self._appearance = appearance
        self._application = application
        self.colours = LIGHT
        application.setStyle("Fusion")
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._apply)
        self._apply()

    def class_colour(self, index: int) -> QColor:
        """Return the colour of the class with that index."""
        return QColor(self.colours.classes[index % len(self.colours.classes)])

    def _is_dark(self) -> bool:
        if self._appearance:
            return self._appearance == "dark"
        return QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark

    @Slot()
    def _apply(self) -> None:
        self.colours = DARK if self._is_dark() else LIGHT
        self._application.setPalette(_palette(self.colours))
        sheet = (resources.FOLDER / "style.qss").read_text("utf-8")
        values = {name: str(value) for name, value in asdict(self.colours).items()}
        self._application.setStyleSheet(Template(sheet).substitute(values))
        self.changed.emit()


def _palette(colours: Colours) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Base: colours.surface,
        QPalette.ColorRole.AlternateBase: colours.window,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Button: colours.surface,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent,
        QPalette.ColorRole.ToolTipBase: colours.surface,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.Link: colours.accent,
        QPalette.ColorRole.Mid: colours.border,
        QPalette.ColorRole.Accent: colours.accent,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
    ):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.muted))
    return palette
