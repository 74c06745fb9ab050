"""Texts in the cells of a table that a spreadsheet may open.

A spreadsheet takes a cell that begins with = + - or @ for a formula, even one from a photo's name
([OWASP](https://owasp.org/www-community/attacks/CSV_Injection), CWE-1236). An apostrophe before it
makes it a text.
"""

import unicodedata

_MARK = "'"
# U+2212 is the minus sign of typography, which no normalisation turns into the hyphen.
_BEGINS_FORMULA = frozenset("=+-@\u2212")
# A spreadsheet may drop these, or begin a new cell at them, and read what follows.
_BEGINS_CELL = frozenset("\t\r\n\0")


def harmless(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula.

    Args:
        text: A path, label, reason or class name; numbers need nothing of this.

    Returns:
        The text, behind an apostrophe if it would be dangerous without. So that `original` can tell
        that apostrophe from an honest one, a text of apostrophes and a formula gets one more.
    """
    return f"{_MARK}{text}" if _is_marked_alike(text) else text


def original(cell: str) -> str:
    """Return the text that `harmless` made a cell of."""
    text = cell.removeprefix(_MARK)
    return text if text != cell and _is_marked_alike(text) else cell


def is_dangerous(cell: str) -> bool:
    """Tell whether a spreadsheet could take a cell for a formula."""
    if cell[:1] in _BEGINS_CELL:
        return True
    first = next((character for character in cell if not _is_unseen(character)), "")
    # Spreadsheets set to Japanese or Chinese read full-width signs as the plain ones.
    return unicodedata.normalize("NFKC", first) in _BEGINS_FORMULA


def _is_marked_alike(text: str) -> bool:
    """Tell whether a text is dangerous, or would be without the apostrophes that it begins with."""
    return is_dangerous(text.lstrip(_MARK))


def _is_unseen(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf"}
