"""Secrets of temporary accounts: argon2id, computed again when shown, a success remembered for 10 minutes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from services.intake.secrets import HASHER, REMEMBERED_SECONDS, Claim, Secrets, is_right

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
    assert secrets.verified([right, wrong, right]) == {("a", "right")}
    assert here.calls == 2
    assert secrets.verified([right, wrong]) == {("a", "right")}
    assert here.calls == 3
    here.clock = REMEMBERED_SECONDS + 1
    assert secrets.verified([right]) == {("a", "right")}
    assert here.calls == 4


def test_a_remembered_success_ends_with_its_hash_and_is_of_its_account() -> None:
    here = Here()
    secrets = secrets_with(here)
    stored, other = HASHER.hash("right"), HASHER.hash("other")
    secrets.verified([Claim("a", "right", stored)])
    assert secrets.verified([Claim("a", "right", other), Claim("b", "right", other)]) == frozenset()
    assert "right" not in repr(vars(secrets))
