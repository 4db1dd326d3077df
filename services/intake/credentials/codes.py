"""Codes that confirm an address.

They are computed from the service's key, so they are stored nowhere, and compared in constant time. After a number of
wrong codes for one address, intake stops checking for a while. The page is docs/accounts.md.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from contracts.blank import without_blanks
from contracts.values import dataclass

DIGITS = 8
MOST_WRONG = 10
WRONG_SECONDS = 60.0
"""How many wrong codes for one address each instance checks in how many seconds: anybody may open accounts with
somebody else's address, and guess with all of them."""


MOST_WRONG_OF_AN_ORIGIN = 5
"""How many of these may come from one origin: so a guesser leaves some to the person whose address it is."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A code as it came in, for that version of an account's address."""

    account: str
    contact_version: int
    code: str
    address: str
    origin: str = ""
    """A digest of the origin; empty: the channel gave none."""


class Codes:
    """Makes codes, and checks those that come in. `clock` gives seconds."""

    def __init__(self, key: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._key = key.encode()
        self._clock = clock
        self._wrong: dict[tuple[str, str], tuple[float, int]] = {}
        """For addresses, and addresses by origin: until when their wrong codes count, and how many there were."""

    def code(self, account: str, contact_version: int) -> str:
        """The code for an account's address of that version: the same each time it is computed."""
        text = "\x1f".join(("contact", account, str(contact_version)))
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return f"{int.from_bytes(digest[:8], 'big') % 10**DIGITS:0{DIGITS}}"

    def checked(self, guesses: Iterable[Guess]) -> tuple[frozenset[Guess], Mapping[str, float]]:
        """The right codes; and the accounts whose codes are not checked now, with the seconds until they are again."""
        now = self._clock()
        self._wrong = {whose: wrong for whose, wrong in self._wrong.items() if wrong[0] > now}
        right: set[Guess] = set()
        not_looked_at: dict[str, float] = {}
        for guess in dict.fromkeys(guesses):
            counted = {(guess.address, ""): MOST_WRONG}
            if guess.origin:
                counted[guess.address, guess.origin] = MOST_WRONG_OF_AN_ORIGIN
            wrong = {whose: self._wrong.get(whose, (now + WRONG_SECONDS, 0)) for whose in counted}
            held_up = [until - now for whose, (until, count) in wrong.items() if count >= counted[whose]]
            if held_up:
                not_looked_at[guess.account] = max(held_up)
            elif hmac.compare_digest(self.code(guess.account, guess.contact_version).encode(), as_typed(guess.code)):
                right.add(guess)
            else:
                self._wrong |= {whose: (until, count + 1) for whose, (until, count) in wrong.items()}
        return frozenset(right), not_looked_at


def as_typed(code: str) -> bytes:
    """A code as a person typed or pasted it, without blanks, and with full-width digits as plain ones (NFKC)."""
    return without_blanks(unicodedata.normalize("NFKC", code)).encode()
