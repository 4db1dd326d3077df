"""Secrets of temporary accounts: argon2id, computed again when shown, a success remembered for 10 minutes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from services.intake.credentials.secrets import (
    HASHED_A_TURN,
    HASHER,
    MOST_WRONG,
    MOST_WRONG_OF_AN_ORIGIN,
    NO_HASH,
    OPENED,
    OPENED_BY_AN_ORIGIN,
    REMEMBERED_SECONDS,
    VERIFIED,
    VERIFIED_FOR_AN_ORIGIN,
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


def claim(account_id: str, secret: str, secret_hash: str, channel: str = "web", origin: str = "") -> Claim:
    return Claim(account_id, secret, secret_hash, channel, origin)


def secrets_with(here: Here) -> Secrets:
    return Secrets(KEY, here, here.time)


def test_the_same_command_gets_the_same_secret_and_no_other_does() -> None:
    secrets = secrets_with(Here())
    assert secrets.secret("web", "1") == secrets_with(Here()).secret("web", "1"), "in another instance, too"
    others = [secrets.secret("web", "2"), secrets.secret("game", "1"), Secrets("x" * 32, Here()).secret("web", "1")]
    assert secrets.secret("web", "1") not in others
    assert len(secrets.secret("web", "1")) == 24


def test_a_hash_is_argon2id_salted_and_verifies_its_secret_alone() -> None:
    secrets = secrets_with(Here())
    hashes = secrets.hashed({"k1": ("web", "1"), "k2": ("web", "2")}).hashes
    again = secrets.hashed({"k1": ("web", "1")}).hashes
    assert hashes["k1"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert again["k1"] != hashes["k1"]
    right = secrets.secret("web", "1")
    assert is_right(claim("a", right, hashes["k1"]))
    assert not is_right(claim("a", right, hashes["k2"]))
    assert not is_right(claim("a", right, "no hash"))


def test_a_success_is_remembered_for_ten_minutes_a_failure_never() -> None:
    here = Here()
    secrets = secrets_with(here)
    stored = HASHER.hash("right")
    right, wrong = claim("a", "right", stored), claim("a", "wrong", stored)
    assert secrets.checked([right, wrong, right]).right == {("a", "right")}
    assert here.calls == 2
    assert secrets.checked([right, wrong]).right == {("a", "right")}
    assert here.calls == 3
    here.clock = REMEMBERED_SECONDS + 1
    assert secrets.checked([right]).right == {("a", "right")}
    assert here.calls == 4


def test_what_was_remembered_as_the_look_began_is_right_though_it_is_forgotten_meanwhile() -> None:
    """A question and a turn look at the same time; the ten minutes end while one of them hashes what it does not
    know."""

    class Beside(Here):
        def __call__(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
            if items and self.clock:
                self.clock = REMEMBERED_SECONDS + 1
                secrets.checked([])
            return super().__call__(function, items)

    here = Beside()
    secrets = secrets_with(here)
    stored = HASHER.hash("right")
    right, wrong = claim("a", "right", stored), claim("b", "wrong", stored)
    secrets.checked([right])
    here.clock = REMEMBERED_SECONDS - 1
    looked_at = secrets.checked([right, wrong])
    assert (looked_at.right, looked_at.not_looked_at, looked_at.put_off) == (
        frozenset([("a", "right")]),
        {},
        frozenset(),
    )


def test_a_remembered_success_ends_with_its_hash_and_is_of_its_account() -> None:
    here = Here()
    secrets = secrets_with(here)
    stored, other = HASHER.hash("right"), HASHER.hash("other")
    secrets.checked([claim("a", "right", stored)])
    assert secrets.checked([claim("a", "right", other), claim("b", "right", other)]).right == frozenset()
    assert "right" not in repr(vars(secrets))


def test_of_one_account_only_so_many_wrong_secrets_are_looked_at() -> None:
    here = Here()
    secrets = secrets_with(here)
    stored, other = HASHER.hash("right"), HASHER.hash("other")
    guesses = [claim("a", f"guess {number}", stored) for number in range(200)]
    checked = secrets.checked([*guesses, claim("b", "other", other)])
    assert checked.put_off == {("a", "guess 8"), ("a", "guess 9"), ("b", "other")}
    checked = secrets.checked([*guesses[8:], claim("b", "other", other)])
    assert checked.right == {("b", "other")}
    assert here.calls == MOST_WRONG + 1
    assert len(checked.not_looked_at) == 200 - MOST_WRONG
    here.clock = 20.0
    right = claim("a", "right", stored)
    assert secrets.checked([right]).not_looked_at == {("a", "right"): WRONG_SECONDS - 20.0}
    assert here.calls == MOST_WRONG + 1
    here.clock = WRONG_SECONDS
    assert secrets.checked([right]).right == {("a", "right")}


def test_whose_secret_was_right_before_is_not_held_up_by_a_guesser() -> None:
    secrets = secrets_with(Here())
    stored = HASHER.hash("right")
    right = claim("a", "right", stored)
    secrets.checked([right])
    guesses = [claim("a", f"guess {number}", stored) for number in range(MOST_WRONG + 1)]
    checked = secrets.checked([*guesses, right])
    assert checked.right == {("a", "right")}
    assert len(checked.not_looked_at) == 1


def test_an_account_that_does_not_exist_is_held_up_like_one_that_does() -> None:
    secrets = secrets_with(Here())
    checked = secrets.checked([claim("nobody", f"guess {number}", NO_HASH) for number in range(MOST_WRONG + 1)])
    assert not checked.right
    assert len(checked.not_looked_at) == 1


def rounds(ask: Callable[[], Collection[Any]]) -> int:
    """How often one has to ask until nothing is put off."""
    count = 1
    while ask():
        count += 1
    return count


def test_a_turn_makes_few_secrets_and_a_channel_gets_only_so_many() -> None:
    here = Here()
    secrets = secrets_with(here)
    commands = {f"k{number}": ("web", str(number)) for number in range(300)}
    made: set[str] = set()

    def ask() -> Collection[str]:
        hashed = secrets.hashed({key: command for key, command in commands.items() if key not in made})
        assert len(hashed.hashes) <= HASHED_A_TURN
        assert len(hashed.refused) == 300 - OPENED.at_once
        made.update(hashed.hashes)
        return hashed.put_off

    assert rounds(ask) == -(-OPENED.at_once // HASHED_A_TURN)
    assert here.calls == len(made) == OPENED.at_once
    assert secrets.hashed({"other": ("game", "1")}).hashes.keys() == {"other"}
    here.clock = 1.0
    assert (
        len(secrets.hashed({f"later {key}": which for key, which in commands.items()}).refused) == 300 - OPENED.a_second
    )


def test_a_turn_verifies_few_secrets_and_a_channel_gets_only_so_many() -> None:
    here = Here()
    secrets = secrets_with(here)
    stored = HASHER.hash("right")
    claims = [claim(f"account {number}", "right", stored) for number in range(VERIFIED.at_once + 20)]
    assert rounds(lambda: secrets.checked(claims).put_off) == -(-VERIFIED.at_once // HASHED_A_TURN)
    checked = secrets.checked([*claims, claim("other", "right", stored, "game")])
    assert len(checked.right) == VERIFIED.at_once + 1
    assert len(checked.not_looked_at) == 20
    assert here.calls == VERIFIED.at_once + 1


def test_accounts_that_do_not_exist_cost_nobody_time() -> None:
    secrets = secrets_with(Here())
    checked = secrets.checked([claim(f"nobody {number}", "guess", NO_HASH) for number in range(1_000)])
    assert not checked.put_off
    assert not checked.not_looked_at


def test_an_origin_uses_up_its_own_verifications_and_never_its_channels() -> None:
    here = Here()
    secrets = secrets_with(here)
    stored = HASHER.hash("right")
    guesses = [claim(f"free account {n}", "guess", stored, origin="mallory's") for n in range(200)]
    rounds(lambda: secrets.checked(guesses).put_off)
    assert here.calls == VERIFIED_FOR_AN_ORIGIN.at_once < VERIFIED.at_once / 2
    others = [claim("a", "right", stored, origin="ann's"), claim("b", "right", stored)]
    assert secrets.checked([*guesses, *others]).right == {("a", "right"), ("b", "right")}
    here.clock = 10.0
    rounds(
        lambda: secrets.checked([claim(f"later {n}", "guess", stored, origin="mallory's") for n in range(200)]).put_off
    )
    assert here.calls == VERIFIED_FOR_AN_ORIGIN.at_once + 2 + 10 * VERIFIED_FOR_AN_ORIGIN.a_second


def test_a_guesser_leaves_some_of_an_accounts_attempts_to_its_person() -> None:
    secrets = secrets_with(Here())
    stored = HASHER.hash("right")
    guesses = [claim("a", f"guess {n}", stored, origin="mallory's") for n in range(50)]
    assert len(secrets.checked(guesses).not_looked_at) == 50 - MOST_WRONG_OF_AN_ORIGIN
    assert secrets.checked([claim("a", "right", stored, origin="mallory's")]).not_looked_at
    assert secrets.checked([claim("a", "right", stored, origin="ann's")]).right == {("a", "right")}


def test_many_origins_together_guess_no_more_than_one_account_allows() -> None:
    here = Here()
    secrets = secrets_with(here)
    stored = HASHER.hash("right")
    guesses = [claim("a", f"guess {n}", stored, origin=f"browser {n}") for n in range(50)]
    rounds(lambda: secrets.checked(guesses).put_off)
    assert here.calls == MOST_WRONG


def test_an_origin_opens_only_so_many_accounts_and_another_goes_on() -> None:
    secrets = secrets_with(Here())
    commands = {f"k{number}": ("web", str(number)) for number in range(40)}
    hashed = secrets.hashed(commands, dict.fromkeys(commands, "mallory's"))
    assert len(hashed.refused) == 40 - OPENED_BY_AN_ORIGIN.at_once
    assert max(hashed.refused.values()) <= 1 / OPENED_BY_AN_ORIGIN.a_second
    assert secrets.hashed({"a": ("web", "a")}, {"a": "ann's"}).hashes
    assert secrets.hashed({"b": ("web", "b")}).hashes
