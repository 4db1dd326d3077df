"""What nobody sees: the tables are Unicode's, and Python and JSON Schema use the same."""

from __future__ import annotations

import re

import pytest
import regex

from contracts.blank import (
    CONTROLS,
    DRAWN_BLANK,
    FOR_COMPARING,
    IGNORABLE,
    SEEN,
    WHITE_SPACE,
    Ranges,
    is_blank,
    without_blanks,
)

EVERY = [code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]


def having(unicode_property: str) -> set[int]:
    """The characters that have it, by a library that knows."""
    has = regex.compile(rf"\p{{{unicode_property}}}").match
    return {code for code in EVERY if has(chr(code))}


def of(ranges: Ranges) -> set[int]:
    return {code for first, last in ranges for code in range(first, last + 1)}


@pytest.mark.parametrize(
    ("ranges", "unicode_property"),
    [(WHITE_SPACE, "White_Space"), (IGNORABLE, "Default_Ignorable_Code_Point"), (CONTROLS, "General_Category=Control")],
)
def test_the_tables_are_unicodes(ranges: Ranges, unicode_property: str) -> None:
    assert of(ranges) == having(unicode_property)


def test_what_is_blank_is_in_a_table_and_nothing_else_is() -> None:
    blank = of(WHITE_SPACE) | of(IGNORABLE) | of(CONTROLS) | of(DRAWN_BLANK)
    assert {code for code in EVERY if is_blank(chr(code))} == blank
    assert FOR_COMPARING.keys() == blank
    assert all(is_blank(chr(code)) for code in EVERY if chr(code).isspace())  # `split` and `strip` find no other


@pytest.mark.parametrize(
    "text",
    ["", " ", "\u200b", "\u3164", "\uffa0", "\u115f\u1160", "\u2800", "\u034f", "\ufe0f", "\U000e0001", "\U000e0fff",
     "\u2060\u00ad\u180e", "\0\x1f\x7f\x9f", "\r\n\t", "\u3000\xa0\u202e", "\U0001d159", "\ufff9\ufffb", "\U00013430"],
)  # fmt: skip
def test_nobody_sees_anything_of_it(text: str) -> None:
    assert is_blank(text)
    assert re.search(SEEN, text) is None
    assert without_blanks(text) == ""


@pytest.mark.parametrize("text", ["a", ".", "\u200bа", "中", "👩‍👩‍👧", "\u0301", "\ue000", "\u0600", "\ufffd", "⠁"])
def test_somebody_sees_something_of_it(text: str) -> None:
    assert not is_blank(text)
    assert re.search(SEEN, text)
