"""What the wire takes for JSON, and that the services' faster reader never says anything else."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.decoding import DEEPEST, NotJson, decoded, has_half_character, is_shallow
from tests import odd_input

NUMBERS = (
    b"-0", b"-0.0", b"0", b"9223372036854775807", b"9223372036854775808", b"18446744073709551615",
    b"18446744073709551616", b"-9223372036854775808", b"-9223372036854775809", b"00", b"01", b"1.", b".5", b"1e5",
    b"1E+400", b"-1e999", b"1e-999", b"9" * 400, b"9" * 5000, b"0." + b"1" * 400, b"NaN", b"Infinity", b"-Infinity",
    b"0x10", b"1_000", b"+1", "١".encode(),
)  # fmt: skip
TEXTS = (
    rb'"\ud83d"', rb'"\ude00"', rb'"\ud83d\ude00"', rb'"\ude00\ud83d"', rb'{"\ud800": 1}', rb'"\ud83d\u0041"',
    b'"\xed\xa0\xbd"', b'"\xed\xa0\xbd\xed\xb8\x80"', b'"\xff"', b'"\xc0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe9"',
    b'"\x00"', b'"\x1f"', b'"\x7f"', rb'"\u0000"', rb'"\x41"', rb'"\u12"', b'"a', b"'a'", '"👩‍👩‍👧"'.encode(),
)  # fmt: skip
REST = (
    b"", b" ", b"\xef\xbb\xbf{}", b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\xef\xbb\xbf",
    b"{}{}", b"[1,]", b'{"a":1,}', b"\x0c1",
    b"//x\n1", b'{"a":1,"a":2}', b"{1:2}", b"nul", b"null", b"[]]", "1".encode("utf-16"), "1\u00a0".encode(),
    *(b"[" * deep + b"]" * deep for deep in (DEEPEST - 1, DEEPEST, DEEPEST + 1, 1024, 1025, 100_000)),
    b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), b"[" + b"[]," * 600 + b"1]",
)  # fmt: skip


def as_the_services_read(body: bytes) -> Any:
    """orjson's value, if it is asked and has one."""
    if not is_shallow(body):
        raise orjson.JSONDecodeError("not asked", "", 0)
    return orjson.loads(body)


def agree(body: bytes) -> None:
    """What the faster reader takes, the reference reader takes for the same value; what the reference reader refuses,
    so does the faster one."""
    try:
        fast = as_the_services_read(body)
    except orjson.JSONDecodeError:
        return
    value = decoded(body)
    assert repr(value) == repr(fast)  # 1 is not 1.0, and not true


@pytest.mark.parametrize("body", [*NUMBERS, *TEXTS, *REST], ids=lambda body: repr(body[:24]))
def test_the_faster_reader_agrees_about_what_is_odd(body: bytes) -> None:
    agree(body)
    agree(b'{"a": [' + body + b"]}")


def test_the_faster_reader_takes_every_golden_message() -> None:
    """Otherwise the tests above would compare nothing."""
    for event in odd_input.GOLDEN:
        assert as_the_services_read(json.dumps(event).encode()) == event


@settings(max_examples=500)
@given(st.integers(0, 2**32))
def test_the_faster_reader_agrees_about_anything(seed: int) -> None:
    dice = Random(seed)
    good = json.dumps(dice.choice(odd_input.GOLDEN)).encode()
    agree(odd_input.noise(dice, good))
    agree(odd_input.encoded(dice, odd_input.mutated(dice, dice.choice(odd_input.GOLDEN))))


@settings(max_examples=300)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda each: st.lists(each) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), each),
    )
)  # fmt: skip
def test_what_can_be_written_is_read_as_it_was(value: Any) -> None:
    body = json.dumps(value, ensure_ascii=False).encode()
    assert repr(decoded(body)) == repr(value)
    agree(body)


@pytest.mark.parametrize("body", [rb'"a\ud83d"', rb'"\ude00b"', b'"\xed\xa0\xbd"', b'"\xed\xa0\xbd\xed\xb8\x80"'])
def test_half_a_character_stays_in_its_text(body: bytes) -> None:
    assert has_half_character(decoded(body))


def test_a_whole_pair_is_a_character() -> None:
    assert decoded(rb'"\ud83d\ude00"') == "😀"
    assert not has_half_character("😀 é plain")


def test_numbers_that_fit_nothing_are_still_json() -> None:
    assert decoded(b"[1e999, -1e999]") == [math.inf, -math.inf]
    assert decoded(b"9" * 5000) == math.inf
    assert repr(decoded(b"18446744073709551616")) == "1.8446744073709552e+19"


def test_a_byte_order_mark_is_passed_over_once() -> None:
    assert decoded(b"\xef\xbb\xbf{}") == {}
    with pytest.raises(NotJson):
        decoded(b"\xef\xbb\xbf\xef\xbb\xbf{}")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff", "it is not UTF-8"),
        ("é".encode("latin-1"), "it is not UTF-8"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[" * 100_000, "nested more than 500 deep"),
        (b"[" * 501 + b"]" * 501, "nested more than 500 deep"),
        (b'{"secret": x}', r"Expecting value \(character 11\)"),
    ],
)
def test_says_what_is_no_json_without_repeating_it(body: bytes, reason: str) -> None:
    with pytest.raises(NotJson, match=reason) as wrong:
        decoded(body)
    assert "secret" not in str(wrong.value)
