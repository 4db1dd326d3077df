"""Makes, hashes and verifies the secrets of temporary accounts. Nothing here is stored; the repository has the hashes.

A secret is computed from the service's key and the command that asked for it, so it can join the answer when that is
published, and is kept nowhere. Hashing costs 30 ms of CPU. So it runs in native threads; a success is remembered for 10
minutes, as a keyed digest; wrong secrets of an account and new accounts of a channel are limited; and one turn does
only a part of the rest. The page is docs/intake.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contracts.values import dataclass
from services.intake.credentials.allowance import ByOrigin, Rate

A = TypeVar("A")
B = TypeVar("B")

REMEMBERED_SECONDS = 600.0
MOST_WRONG = 10
"""How many wrong secrets of one account each instance checks in `WRONG_SECONDS`: a guesser, or a broken client, must
not keep everybody else's turns waiting."""
WRONG_SECONDS = 60.0
MOST_WRONG_OF_AN_ORIGIN = 5
"""How many of these may come from one origin: a guesser leaves some to the account's own person."""
OPENED = Rate(30, 5.0)
"""Temporary accounts that a channel may open at each instance."""
OPENED_BY_AN_ORIGIN = Rate(5, 0.1)
VERIFIED = Rate(100, 15.0)
"""Secrets that a channel may have verified by each instance; remembered ones do not count."""
VERIFIED_FOR_AN_ORIGIN = Rate(20, 1.0)
HASHED_A_TURN = 8
"""Secrets made, and as many verified, in one turn: a quarter of a second, for which all its messages wait."""
SECRET_BYTES = 15
"""120 bits: 24 characters of base32 and no padding."""

HASHER = PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
"""argon2id with OWASP's minimum: 29 ms on the development machine. The library's defaults take 209 ms."""


NO_HASH = ""
"""The hash of an account that does not exist: no secret is right, and guesses count as for one that exists."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A temporary account's secret as it came in, and the hash that it has to match."""

    account_id: str
    secret: str
    secret_hash: str
    channel: str
    """Whose command brought it."""
    origin: str = ""
    """A digest of the origin; empty: the channel gave none."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of claims, by account id and secret: the right ones; those that were not checked, because their
    account had too many wrong ones or their channel too many, with the seconds until they would be; those left for
    another turn."""

    right: frozenset[tuple[str, str]]
    not_looked_at: Mapping[tuple[str, str], float]
    put_off: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Hashed:
    """What became of the commands that ask for a secret, by message key: its hash; the seconds after which a sender who
    asked too often may try again; those left for another turn."""

    hashes: Mapping[str, str]
    refused: Mapping[str, float]
    put_off: frozenset[str]


@dataclass(slots=True)
class _Wrong:
    """Wrong secrets of one account, from the first until the clock shows `until`."""

    until: float
    count: int = 0


class InThreads(Protocol):
    """Calls a function for each item, several at once, results in order (services.chassis.threads)."""

    def __call__(self, function: Callable[[A], B], items: Sequence[A], /) -> list[B]: ...


def secret_of(key: bytes, sender: str, command_id: str) -> str:
    """The secret that the command `command_id` of `sender` asked for: the same each time it is computed."""
    digest = hmac.new(key, "\x1f".join(("temporary", sender, command_id)).encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:SECRET_BYTES]).decode().lower()


class Secrets:
    """Hashes new secrets and verifies those that come in, off the turn's thread."""

    def __init__(
        self,
        key: str,
        in_threads: InThreads,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key.encode()
        self._in_threads = in_threads
        self._clock = clock
        self._salt = os.urandom(32)
        self._known: dict[bytes, float] = {}
        self._wrong: dict[tuple[str, str], _Wrong] = {}
        self._openings = ByOrigin(OPENED, OPENED_BY_AN_ORIGIN, clock)
        self._verifications = ByOrigin(VERIFIED, VERIFIED_FOR_AN_ORIGIN, clock)

    def secret(self, sender: str, command_id: str) -> str:
        """The secret that answers that command."""
        return secret_of(self._key, sender, command_id)

    def hashed(self, commands: Mapping[str, tuple[str, str]], origins: Mapping[str, str] | None = None) -> Hashed:
        """The hashes of the secrets for these commands, each given as sender and id, within the limits. `origins`:
        digests of the origins that the senders gave, by the same keys."""
        of = origins or {}
        waits = {key: self._openings.ask(sender, of.get(key, ""), key) for key, (sender, _) in commands.items()}
        allowed = [key for key, wait in waits.items() if not wait]
        turn = allowed[:HASHED_A_TURN]
        hashes = self._in_threads(HASHER.hash, [self.secret(*commands[key]) for key in turn])
        for key in turn:
            self._openings.used(key)
        refused = {key: wait for key, wait in waits.items() if wait}
        return Hashed(dict(zip(turn, hashes, strict=True)), refused, frozenset(allowed[HASHED_A_TURN:]))

    def checked(self, claims: Iterable[Claim]) -> Checked:
        """Which claims are right, within the limits. Equal claims are computed once, and at most `MOST_WRONG` wrong
        ones of an account."""
        now = self._clock()
        self._known = {digest: until for digest, until in self._known.items() if until > now}
        self._wrong = {whose: wrong for whose, wrong in self._wrong.items() if wrong.until > now}
        digests = {self._digest(claim): claim for claim in claims}
        unknown: dict[bytes, Claim] = {}
        not_looked_at: dict[tuple[str, str], float] = {}
        put_off: set[tuple[str, str]] = set()
        # Now, because a turn and a question check at the same time, and one may forget what the other found in memory.
        right = {digest for digest in digests if digest in self._known}
        tried: Counter[tuple[str, str]] = Counter()
        room = HASHED_A_TURN
        for digest, claim in digests.items():
            if digest in right:
                continue
            wait = max(self._held_up(whose, most, tried, now) for whose, most in _counted(claim))
            if wait:
                not_looked_at[claim.account_id, claim.secret] = wait
                continue
            tried.update(whose for whose, _ in _counted(claim))
            dear = claim.secret_hash != NO_HASH
            wait = self._verifications.ask(claim.channel, claim.origin, digest) if dear else 0.0
            if wait:
                not_looked_at[claim.account_id, claim.secret] = wait
            elif dear and room <= 0:
                put_off.add((claim.account_id, claim.secret))
            else:
                unknown[digest] = claim
                room -= dear
        for (digest, claim), matches in zip(
            unknown.items(), self._in_threads(is_right, list(unknown.values())), strict=True
        ):
            self._verifications.used(digest)
            if matches:
                right.add(digest)
                self._known[digest] = now + REMEMBERED_SECONDS
            else:
                for whose, _ in _counted(claim):
                    self._wrong.setdefault(whose, _Wrong(now + WRONG_SECONDS)).count += 1
        right_ones = ((claim.account_id, claim.secret) for digest, claim in digests.items() if digest in right)
        return Checked(frozenset(right_ones), not_looked_at, frozenset(put_off))

    def _held_up(self, whose: tuple[str, str], most: int, tried: Mapping[tuple[str, str], int], now: float) -> float:
        """The seconds until another secret is checked."""
        wrong = self._wrong.get(whose) or _Wrong(now + WRONG_SECONDS)
        return wrong.until - now if wrong.count + tried[whose] >= most else 0.0

    def _digest(self, claim: Claim) -> bytes:
        text = "\x1f".join((claim.account_id, claim.secret_hash, claim.secret))
        return hmac.new(self._salt, text.encode(), hashlib.sha256).digest()


def _counted(claim: Claim) -> list[tuple[tuple[str, str], int]]:
    """What a wrong secret counts against, and how many are checked: the account, and the account from this origin."""
    of_account = [((claim.account_id, ""), MOST_WRONG)]
    if not claim.origin:
        return of_account
    return [*of_account, ((claim.account_id, f"{claim.channel}\x1f{claim.origin}"), MOST_WRONG_OF_AN_ORIGIN)]


def is_right(claim: Claim) -> bool:
    """Whether the secret is the one that was hashed: 30 ms of CPU."""
    try:
        return HASHER.verify(claim.secret_hash, claim.secret)
    except (VerificationError, InvalidHashError):
        return False
