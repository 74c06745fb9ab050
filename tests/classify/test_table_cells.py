"""Texts in the cells of a table that a spreadsheet may open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog_gui.classify.table_cells import harmless, is_dangerous, original

# Texts of mostly those characters that matter, beside texts of any.
TEXTS = st.text() | st.text(alphabet="'=+-@＝＋－＠−|% \t\r\n\0\ufeff\u3000a1")


@pytest.mark.parametrize(
    "text",
    [
        "=1+1.jpg",
        "+1.jpg",
        "-1.jpg",
        "@SUM(A1).jpg",
        "\t=1",
        "\tcat.jpg",
        "\rcat.jpg",
        "\ncat.jpg",
        "\0cat.jpg",
        "  =1+1",
        "\u00a0=1+1",
        "\ufeff=1+1",
        "\u200b\u3000=1+1",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM",
        "\u22121",
    ],
)
def test_what_a_spreadsheet_could_take_for_a_formula_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert original(f"'{text}") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cat",
        "/photos/=1.jpg",
        "a-b.jpg",
        "'tis the cat.jpg",
        "''",
        "' x",
        "  cat",
        "|",
        "%PATH%",
    ],
)
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text
    assert original(text) == text


def test_an_honest_apostrophe_before_a_formula_comes_back() -> None:
    assert harmless("'=1") == "''=1"
    assert original("''=1") == "'=1"
    assert original("'=1") == "=1"


@given(TEXTS)
def test_every_text_comes_back(text: str) -> None:
    assert original(harmless(text)) == text


@given(TEXTS)
def test_no_cell_begins_dangerously(text: str) -> None:
    cell = harmless(text)
    assert not is_dangerous(cell)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠"))
    assert not cell.strip().startswith(("=", "+", "-", "@"))
