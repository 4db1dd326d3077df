"""Secrets of temporary accounts: argon2id, computed again when shown, a success remembered for 10 minutes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from services.intake.secrets import (
    HASHER,
    MOST_WRONG,
    NO_HASH,
    REMEMBERED_SECONDS,
    WRONG_SECONDS,
    Claim,
    Secrets,
    is_right,
)

KEY = "k" * 32


class Here:
    """Stands in for native threads: does the work at once and counts it."""

    def __init__(self) -> None:
        self.calls = 0
        self.clock = 0.0

    def __call__(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        self.calls += len(items)
        return [function(item) for item in items]

    def time(self) -> float:
        return self.clock


def secrets_with(here: Here) -> Secrets:
    return Secrets(KEY, here, here.time)


def test_the_same_command_gets_the_same_secret_and_no_other_does() -> None:
    secrets = secrets_with(Here())
    assert secrets.secret("web", "1") == secrets.secret("web", "1")
    others = [secrets.secret("web", "2"), secrets.secret("game", "1"), Secrets("x" * 32, Here()).secret("web", "1")]
    assert secrets.secret("web", "1") not in others
    assert len(secrets.secret("web", "1")) == 24


def test_a_hash_is_argon2id_salted_and_verifies_its_secret_alone() -> None:
    secrets = secrets_with(Here())
    hashes = secrets.hashed({"k1": ("web", "1"), "k2": ("web", "2")})
    again = secrets.hashed({"k1": ("web", "1")})
    assert hashes["k1"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert again["k1"] != hashes["k1"]
    right = secrets.secret("web", "1")
    assert is_right(Claim("a", right, hashes["k1"]))
    assert not is_right(Claim("a", right, hashes["k2"]))
    assert not is_right(Claim("a", right, "no hash"))


def test_a_success_is_remembered_for_ten_minutes_a_failure_never() -> None:
    here = Here()
    secrets = secrets_with(here)
    stored = HASHER.hash("right")
    right, wrong = Claim("a", "right", stored), Claim("a", "wrong", stored)
    assert secrets.checked([right, wrong, right]).right == {("a", "right")}
    assert here.calls == 2
    assert secrets.checked([right, wrong]).right == {("a", "right")}
    assert here.calls == 3
    here.clock = REMEMBERED_SECONDS + 1
    assert secrets.checked([right]).right == {("a", "right")}
    assert here.calls == 4


def test_a_remembered_success_ends_with_its_hash_and_is_of_its_account() -> None:
    here = Here()
    secrets = secrets_with(here)
    stored, other = HASHER.hash("right"), HASHER.hash("other")
    secrets.checked([Claim("a", "right", stored)])
    assert secrets.checked([Claim("a", "right", other), Claim("b", "right", other)]).right == frozenset()
    assert "right" not in repr(vars(secrets))


def test_of_one_account_only_so_many_wrong_secrets_are_looked_at() -> None:
    here = Here()
    secrets = secrets_with(here)
    stored, other = HASHER.hash("right"), HASHER.hash("other")
    guesses = [Claim("a", f"guess {number}", stored) for number in range(200)]
    checked = secrets.checked([*guesses, Claim("b", "other", other)])
    assert checked.right == {("b", "other")}
    assert here.calls == MOST_WRONG + 1
    assert len(checked.not_looked_at) == 200 - MOST_WRONG
    here.clock = 20.0
    right = Claim("a", "right", stored)
    assert secrets.checked([right]).not_looked_at == {("a", "right"): WRONG_SECONDS - 20.0}
    assert here.calls == MOST_WRONG + 1
    here.clock = WRONG_SECONDS
    assert secrets.checked([right]).right == {("a", "right")}


def test_whose_secret_was_right_before_is_not_held_up_by_a_guesser() -> None:
    secrets = secrets_with(Here())
    stored = HASHER.hash("right")
    right = Claim("a", "right", stored)
    secrets.checked([right])
    guesses = [Claim("a", f"guess {number}", stored) for number in range(MOST_WRONG + 1)]
    checked = secrets.checked([*guesses, right])
    assert checked.right == {("a", "right")}
    assert len(checked.not_looked_at) == 1


def test_an_account_that_does_not_exist_is_held_up_like_one_that_does() -> None:
    secrets = secrets_with(Here())
    checked = secrets.checked([Claim("nobody", f"guess {number}", NO_HASH) for number in range(MOST_WRONG + 1)])
    assert not checked.right
    assert len(checked.not_looked_at) == 1
