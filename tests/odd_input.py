"""Odd input: texts, JSON, events and data that a hostile or broken program might write.

Everything is drawn from the `random.Random` that the caller hands in, so that a seed repeats a run, and hypothesis can
drive it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from marshmallow import ValidationError

from contracts.blank import is_blank
from contracts.fields import (
    AnswersField,
    Base64,
    Choice,
    Flag,
    Hint,
    Instant,
    ListOf,
    MapOf,
    Score,
    Text,
    Whole,
    WireField,
)
from contracts.payload import Either, Part, PayloadSchema

EXAMPLES = Path(__file__).parents[1] / "contracts" / "examples"
GOLDEN: tuple[dict[str, Any], ...] = tuple(json.loads(file.read_bytes()) for file in sorted(EXAMPLES.glob("*.json")))
"""A good message of each type."""

TEXTS = (
    "", " ", "\0", "\n", "\r\nBcc: a@b", "\t", "\u200b", "\u3164", "\ufeff", "\u202etfel", "e\u0301" * 50, "ﷺ" * 60,
    "\x1f", "\x1b[2J", "👩‍👩‍👧‍👦", "\U0010ffff", "\ud800", "\udfff\ud800", "İstanbul ß ǆ", "$set", "a.b",
    "__proto__", "{{ 7*7 }}", "{% raise %}", "'; DROP TABLE", "<script>", "../../etc/passwd", "NaN", "null", "-1",
    "00000001", "10000001", "a1", "ticket.submit", "web", "#", "*", "x" * 201, "x" * 20_001, "2026-02-30T25:61:61Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2016-12-31T23:59:60Z", "amq.rabbitmq.reply-to",
)  # fmt: skip
NUMBERS = (0, -1, 1, 1.5, -0.0, 5e-324, 1e308, 2**31, 2**53, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30)
NO_NUMBERS = (float("nan"), float("inf"), float("-inf"), 10**400)
"""What Python's encoder writes and JSON does not have, or a double cannot hold."""
RANGES = ((0, 31), (32, 126), (127, 255), (0x300, 0x36F), (0x600, 0x6FF), (0x2000, 0x206F), (0xD800, 0xDFFF),
          (0xE000, 0xF8FF), (0xFE00, 0xFEFF), (0x1F300, 0x1FAFF), (0xE0000, 0xE01EF))  # fmt: skip


def text(dice: Random, longest: int = 40, *, encodable: bool = False) -> str:
    """Any text; `encodable`: without half characters (lone surrogates), which JSON may name and UTF-8 cannot hold."""
    if dice.random() < 0.5:
        found = dice.choice(TEXTS)
    else:
        found = "".join(chr(dice.randint(*dice.choice(RANGES))) for _ in range(dice.randint(0, longest)))
    return found.encode("utf-16", "replace").decode("utf-16") if encodable else found


def value(dice: Random, depth: int = 3) -> Any:
    """Any JSON value, and some that only Python's encoder knows (NaN)."""
    match dice.randint(0, 8 if depth else 5):
        case 0:
            return None
        case 1:
            return dice.random() < 0.5
        case 2 | 3:
            return dice.choice(NUMBERS if dice.random() < 0.95 else NO_NUMBERS)
        case 4 | 5:
            return text(dice, encodable=dice.random() < 0.95)
        case 6:
            return [value(dice, depth - 1) for _ in range(dice.randint(0, 4))]
        case 7:
            return {text(dice, encodable=True): value(dice, depth - 1) for _ in range(dice.randint(0, 4))}
    nested: Any = None
    for _ in range(dice.choice((2, 50, 500, 900))):
        nested = [nested] if dice.random() < 0.5 else {"data": nested}
    return nested


def encoded(dice: Random, decoded: Any) -> bytes:
    """As JSON, its characters escaped or as they are."""
    return json.dumps(decoded, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")


def noise(dice: Random, good: bytes = b"") -> bytes:
    """A body that is not an event: random bytes, random JSON, or part of a good one with some bytes changed."""
    match dice.randint(0, 3):
        case 0:
            return dice.randbytes(dice.randint(0, 300))
        case 1:
            return encoded(dice, value(dice))
        case 2:
            return good[: dice.randint(0, len(good))]
    changed = bytearray(good or b"{}")
    for _ in range(dice.randint(1, 5)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def mutated(dice: Random, event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with up to three faults: a value replaced, a field taken out, added or renamed."""
    changed = copy.deepcopy(dict(event))
    for _ in range(dice.randint(1, 3)):
        place: Any = changed
        while True:
            inner = [each for each in (place.values() if isinstance(place, dict) else place) if each and _is_deep(each)]
            if not inner or dice.random() < 0.5:
                break
            place = dice.choice(inner)
        if isinstance(place, list):
            place[dice.randrange(len(place))] = value(dice)
            continue
        if place is changed and dice.random() < 0.7:
            continue  # with most of the faults below it is soon no envelope
        name = dice.choice([*place, text(dice, encodable=True)])
        match dice.randint(0, 3):
            case 0:
                place.pop(name, None)
            case 1:
                place[text(dice, encodable=True)] = place.pop(name, None)
            case _:
                place[name] = value(dice)
    return changed


def data(dice: Random, schema: PayloadSchema, known: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Data that passes `schema`, odd where it leaves room; fields in `known` often have one of these values."""
    fields = schema.wire_fields()
    one_of, any_of = schema.form.one_of, schema.form.any_of
    chosen = dice.choice(one_of) if one_of else None
    found: dict[str, Any] = {}
    for name, field in fields.items():
        if name in one_of:
            if name != chosen:
                continue
        elif not field.required and dice.random() < 0.5:
            continue
        if field.nullable and dice.random() < 0.3:
            found[name] = None
            continue
        fitting = [each for each in known.get(name, ()) if _passes(field, each)]
        if fitting and dice.random() < 0.8:
            found[name] = dice.choice(fitting)
        else:
            found[name] = _passing(dice, field, known)
    if any_of and all(is_blank(str(found.get(name) or "")) or found.get(name) == [] for name in any_of):
        found[any_of[0]] = "words"
    return found


def _passes(field: WireField[Any], candidate: Any) -> bool:
    try:
        field.read(candidate)
    except ValidationError:
        return False
    return True


def _is_deep(found: Any) -> bool:
    return isinstance(found, dict | list)


PATTERNS = {
    "[0-9]{8}": ("00000000", "10000001", "99999999"),
    "@": ("a@b", "é\u202e@\U0001f4a9", "x" * 120 + "@" + "y" * 120),
    "/": ("text/plain", "a/ "),
    "sha": ("0" * 64,),
}


def _passing(dice: Random, field: WireField[Any], known: Mapping[str, Sequence[Any]]) -> Any:
    match field:
        case Hint():
            return _passing(dice, field.field, known) if dice.random() < 0.7 else value(dice)
        case Text():
            return _fitting(dice, field)
        case Choice():
            return dice.choice(field.choices)
        case Whole():
            return dice.choice((field.minimum, field.maximum, dice.randint(field.minimum, min(field.maximum, 20))))
        case Score():
            return dice.random()
        case Flag():
            return dice.random() < 0.5
        case Instant():
            moments = ("1970-01-01T00:00:00Z", "2026-03-02T09:00:00.1234567+05:30", "2099-12-31T23:59:59.999999Z")
            return dice.choice(moments)
        case Base64():
            return dice.choice(("", "AAAA", "+/8="))
        case AnswersField():
            return {dice.choice(("order", "amount", "paid-by", "seen-on", "x")): _answer(dice) for _ in range(3)}
        case ListOf():
            count = dice.choice((field.minimum, field.maximum, dice.randint(field.minimum, min(field.maximum, 3))))
            return [_passing(dice, field.item, known) for _ in range(min(count, 25))]
        case MapOf():
            return {dice.choice("abc"): _passing(dice, field.item, known)}
        case Part():
            return data(dice, field.schema, known)
        case Either():
            return data(dice, dice.choice((field.marked, field.plain)), known)
    return {}


def _fitting(dice: Random, field: Text) -> str:
    candidates = [
        *(pattern for group in PATTERNS.values() for pattern in group),
        "a1",
        "en",
        "pt-BR",
        "closed",
        "a" * 64,
    ]
    if field.matches is not None:
        fitting = [
            each
            for each in candidates
            if field.minimum <= len(each) <= field.maximum and field.matches(each) is not None
        ]
        return dice.choice(fitting) if fitting else "07:30"
    found = (text(dice, encodable=True) * dice.choice((1, 1, 1000)))[: field.maximum]
    found += "x" * (field.minimum - len(found))
    return found if _passes(field, found) else "x"


def _answer(dice: Random) -> Any:
    return dice.choice((text(dice, encodable=True)[:2000], 2**53, -0.0, 5e-324, True))
