"""Master keys wrap each file's key: the current one wraps new keys, the others open what they wrapped."""

from __future__ import annotations

import base64

import pytest

from services.intake.files.keys import KeyUnknown, MasterKeys, Wrapped, WrongKeys
from services.intake.files.sealing import new_key

ONE, TWO = (base64.b64encode(bytes(range(start, start + 32))).decode() for start in (1, 101))
FILE_KEY = new_key()


def test_the_first_key_wraps_and_every_key_unwraps() -> None:
    old = MasterKeys.parse(f"2026-01 {ONE}\n")
    new = MasterKeys.parse(f"# since June\n2026-06 {TWO}\n\n2026-01 {ONE}\n")
    wrapped = old.wrap(FILE_KEY)
    assert wrapped.by == "2026-01"
    assert new.unwrap(wrapped) == FILE_KEY
    again = new.rewrap(wrapped, "2026-06")
    assert (again.by, new.unwrap(again)) == ("2026-06", FILE_KEY)
    back = new.rewrap(again, "2026-01")
    assert (back.by, old.unwrap(back)) == ("2026-01", FILE_KEY), "by any of them, while not all instances are restarted"
    assert FILE_KEY not in wrapped.key


def test_a_key_that_is_not_there_or_not_the_one_is_named() -> None:
    wrapped = MasterKeys.parse(f"a {ONE}").wrap(FILE_KEY)
    with pytest.raises(KeyUnknown, match="the key file has no key a"):
        MasterKeys.parse(f"b {ONE}").unwrap(wrapped)
    with pytest.raises(KeyUnknown, match="a is not the key that wrapped"):
        MasterKeys.parse(f"a {TWO}").unwrap(wrapped)
    with pytest.raises(KeyUnknown):
        MasterKeys.parse(f"a {ONE}").unwrap(Wrapped("a", wrapped.key[:-1] + b"x"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no key"),
        ("# nothing", "has no key"),
        (f"a {ONE}\na {TWO}", "Line 2 of the key file has the id a again"),
        ("a", "Line 1 of the key file is not an id"),
        (f"A {ONE}", "Line 1"),
        ("\na not-base64!", "Line 2 of the key file: the key is not base64"),
        (f"a {base64.b64encode(b'short').decode()}", "a key has 32 bytes, not 5"),
    ],
)
def test_a_wrong_key_file_is_told_by_its_line_and_never_shows_a_key(text: str, said: str) -> None:
    with pytest.raises(WrongKeys, match=said) as raised:
        MasterKeys.parse(text)
    assert not any(key in str(raised.value) for key in (ONE, TWO))


def test_keys_are_not_shown() -> None:
    keys = MasterKeys.parse(f"a {ONE}")
    assert not any(shown in repr(keys) for shown in (ONE, repr(base64.b64decode(ONE))))
