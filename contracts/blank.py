"""Invisible characters: one definition, for text that people read and for what tells issues apart.

The tables are Unicode's properties White_Space and Default_Ignorable_Code_Point (UCD 17); a test compares them with a
library that knows these properties. The page is
docs/contracts.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]

WHITE_SPACE: Ranges = (
    (0x0009, 0x000D), (0x0020, 0x0020), (0x0085, 0x0085), (0x00A0, 0x00A0), (0x1680, 0x1680), (0x2000, 0x200A),
    (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
)  # fmt: skip

IGNORABLE: Ranges = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
"""Soft hyphens, joiners, marks of direction, variation selectors, fillers: text without them reads the same."""

CONTROLS: Ranges = ((0x0000, 0x001F), (0x007F, 0x009F))

DRAWN_BLANK: Ranges = ((0x2800, 0x2800), (0xFFF9, 0xFFFB), (0x13430, 0x1343F), (0x13441, 0x13442), (0x1D159, 0x1D159))
"""Characters that have neither property and still show nothing: the empty Braille pattern, interlinear annotation
anchors, the joiners and blanks of hieroglyphs, the empty notehead."""

_BLANK = (*WHITE_SPACE, *IGNORABLE, *CONTROLS, *DRAWN_BLANK)


def _class_of(ranges: Iterable[tuple[int, int]]) -> str:
    return "".join(_written(first) + (f"-{_written(last)}" if last > first else "") for first, last in sorted(ranges))


def _written(code: int) -> str:
    # Beyond the first plane the character itself: only this works both in Python and in JSON Schema (ECMA-262
    # with the flag u).
    return f"\\u{code:04x}" if code <= 0xFFFF else chr(code)


SEEN = f"[^{_class_of(_BLANK)}]"
"""A regular expression, for Python and JSON Schema, that matches one visible character."""

_is_seen = re.compile(SEEN).search


def is_blank(text: str) -> bool:
    """Whether the text shows nothing."""
    return not _is_seen(text)


FOR_COMPARING = {
    **{code: " " for first, last in _BLANK for code in range(first, last + 1)},
    **{code: "" for first, last in IGNORABLE for code in range(first, last + 1)},
}
"""For `str.translate`: removes ignorable characters, and replaces other blank ones by a space."""


def without_blanks(text: str) -> str:
    """Only its visible characters."""
    return text.translate(FOR_COMPARING).replace(" ", "")
