"""A form is one command: the same nonce gives the same id, and nobody can use another person's nonce."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.nonces import KEPT, RANDOM, command_id, judged, made

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANN = "account:ann"
NONCE = made(KEY, ANN, NOW, b"r" * RANDOM)


@pytest.mark.parametrize(
    ("key", "owner", "nonce", "after", "is_so"),
    [
        (KEY, ANN, NONCE, timedelta(), "good"),
        (KEY, ANN, NONCE, KEPT - timedelta(seconds=1), "good"),
        (KEY, ANN, NONCE, KEPT, "too old"),
        (KEY, "account:bob", NONCE, timedelta(), "not ours"),
        (KEY, "temporary:ann", NONCE, timedelta(), "not ours"),
        (OTHER_KEY, ANN, NONCE, timedelta(), "not ours"),
        (KEY, ANN, NONCE[:-2], timedelta(), "not ours"),
        (KEY, ANN, NONCE + "AAAA", timedelta(), "not ours"),
        (KEY, ANN, "", timedelta(), "not ours"),
        (KEY, ANN, "…", timedelta(), "not ours"),
        (KEY, ANN, NONCE.replace(NONCE[0], "!"), timedelta(), "not ours"),
    ],
)
def test_a_nonce_is_good_for_its_owner_and_for_a_time(
    key: bytes, owner: str, nonce: str, after: timedelta, is_so: str
) -> None:
    assert judged(key, owner, nonce, NOW + after) == is_so


def test_a_nonce_that_is_written_otherwise_is_none() -> None:
    """It would make another command of the same form."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    alike = [NONCE[:-1] + last for last in digits if judged(KEY, ANN, NONCE[:-1] + last, NOW) == "good"]
    assert alike == [NONCE]
    assert judged(KEY, ANN, NONCE + "==", NOW) == "not ours"


@given(st.text())
def test_nobody_guesses_one(nonce: str) -> None:
    assert judged(KEY, ANN, nonce, NOW) == "not ours"


@given(st.binary(min_size=RANDOM, max_size=RANDOM), st.text(), st.integers(0, 3_000_000_000))
def test_what_is_made_is_good(random: bytes, owner: str, seconds: int) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    nonce = made(KEY, owner, now, random)
    assert judged(KEY, owner, nonce, now) == "good"
    assert nonce.isascii()
    assert len(nonce) < 64


def test_the_same_form_gives_the_same_id_and_no_other_does() -> None:
    again = made(KEY, ANN, NOW, b"s" * RANDOM)
    ids = [
        command_id(KEY, ANN, NONCE),
        command_id(KEY, ANN, again),
        command_id(KEY, "account:bob", NONCE),
        command_id(OTHER_KEY, ANN, NONCE),
    ]
    assert ids[0] == command_id(KEY, ANN, NONCE)
    assert len(set(ids)) == 4
    assert all(len(id_) == 32 for id_ in ids)
