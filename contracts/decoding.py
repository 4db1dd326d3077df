"""What the wire accepts as JSON: the reference reader, which decides whenever a faster one refuses.

It reads JSON by RFC 8259 in UTF-8, and settles what the RFC leaves to the reader. The page is docs/contracts.md.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEEPEST = 500
"""How deep objects and lists may be nested."""

_BOM = b"\xef\xbb\xbf"
_WHOLE = range(-(2**63), 2**64)


class NotJson(ValueError):
    """Bytes that the wire does not accept as JSON. The message says why, without quoting them."""


def decoded(body: bytes) -> Any:
    """The JSON value of a message body. Raises NotJson.

    If a name comes twice, the last value counts. A byte order mark is ignored. A whole number beyond 64 bits becomes
    a float, and a number beyond a float infinity. Half a character (a surrogate without its other half), escaped or as
    bytes, stays in its text: whoever checks the text refuses it, and tells the sender where it is.
    """
    try:
        text = body.removeprefix(_BOM).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise NotJson("it is not UTF-8") from error
    try:
        value = json.loads(text, parse_int=_whole, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} (character {error.pos})") from error
    except RecursionError as error:
        raise NotJson(f"it is nested more than {DEEPEST} deep") from error
    if not is_shallow(body) and _depth(value) > DEEPEST:
        raise NotJson(f"it is nested more than {DEEPEST} deep")
    return value


def is_shallow(body: bytes) -> bool:
    """Whether the bytes contain so few opening brackets that nothing can be nested too deep."""
    return body.count(b"{") + body.count(b"[") <= DEEPEST


def has_half_character(text: str) -> bool:
    """Whether half a character (a surrogate without its other half) is in it: no UTF-8 can hold that."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _whole(digits: str) -> int | float:
    if len(digits) <= 20:  # of an int that fits; 4,300 digits are more than Python turns into one
        number = int(digits)
        if number in _WHOLE:
            return number
    return float(digits)


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def _refuse_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON")
