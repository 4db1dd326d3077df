"""Messages that a machine wrote: a channel marks them, or they say again what was said before.

Such a message is noted. It never reopens a ticket, moves no clock, and the desk answers it by no mail of its own, so
that two machines never talk to each other for ever. The page is docs/automatic.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from contracts.common import AttachmentContent, Sent, Unusable
from contracts.statuses import DESKS_TURN
from contracts.tickets import Reply, Submit
from contracts.values import dataclass
from services.chassis.decision import derived_id
from services.intake.domain.issues.key import normalised
from services.intake.domain.values.ticket import Ticket

SAID_IN_A_ROW, ANSWERED_IN_A_ROW = 2, 5
"""How often in a row the same words may be a person's: of their own accord, and in answer to what an agent asked or
suggested ("Yes.", "It still does not work.")."""

COMPARED_CHARACTERS = 2_000
"""How much of a text tells whether it is the same as another."""

NOTED_AGAIN = (
    "This message was noted. It has the words of the last one, as automatic replies have, so the case stays as it is."
    " If you need an answer, please write in other words."
)
"""What the sender of a message hears that is taken for a machine's though no channel says so."""

_NOTHING = sha256().hexdigest()
_QUOTED = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_TIMES = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?|\d{1,4}([-./])\d{1,2}\1\d{1,4}")


@dataclass(frozen=True, slots=True)
class Spoken:
    """How a message stands to what its requester wrote to the ticket before: `words` stand for what it says, `times`
    is how often in a row that has been said since the ticket was filed, this time included. `answers`: the ticket
    awaits its requester."""

    words: str
    times: int
    marked: bool
    answers: bool

    @property
    def repeats(self) -> bool:
        """Whether it says what the message before it said."""
        return self.times > 1

    @property
    def moves_nothing(self) -> bool:
        """Whether it leaves an open ticket as it is. Somebody who asks the same thing a second time may be a person: so
        that is a note which awaits the desk, and only the next one is not. Nothing is lost then, for the ticket awaits
        the desk already. Where it awaits its requester, and may close for want of an answer, more are heard."""
        return self.marked or self.times > (ANSWERED_IN_A_ROW if self.answers else SAID_IN_A_ROW)

    def remembered(self, now: datetime) -> dict[str, Any]:
        """What changes in the ticket by its having been said."""
        return {"said": self.words, "said_at": now, "said_times": self.times}


def spoken(data: Reply | Submit, ticket: Ticket, within: timedelta, now: datetime) -> Spoken:
    """How a message stands to those before it in the ticket. `within`: so long
    after the last one it may repeat that."""
    words = words_of(data.body, data.attachments)
    times = ticket.said_times + 1 if said_lately(ticket, words, within, now) else 1
    return Spoken(words, times, data.automatic, ticket.is_open and ticket.status not in DESKS_TURN)


def files_again_and_again(words: str, tickets: Iterable[Ticket], within: timedelta, now: datetime) -> bool:
    """Whether a new ticket would be the third of its requester, of whom these `tickets` are, to say the same."""
    return sum(said_lately(ticket, words, within, now) for ticket in tickets) > 1


def said_lately(ticket: Ticket, words: str, within: timedelta, now: datetime) -> bool:
    """Whether these were the requester's last words on the ticket, and not too long ago; never, if `within` is 0."""
    return (
        bool(words and within)
        and ticket.said == words
        and ticket.said_at is not None
        and now - ticket.said_at <= within
    )


def words_of(text: str, attachments: Iterable[Sent] = ()) -> str:
    """Stands for what a message says: case, white space, punctuation, what is quoted of another mail, times of day and
    dates make no difference, but the files that come with it do. Empty if it says nothing."""
    own = _QUOTED.sub("", text) if ">" in text else text
    said = _compared(own) or _compared(text)
    files = [_file(each) for each in attachments]
    return derived_id("words", said, *files) if said or files else ""


def _file(sent: Sent) -> str:
    """Tells files apart, also those that are not taken."""
    if isinstance(sent, AttachmentContent):
        return f"{sent.name}/{sha256(sent.content).hexdigest()}"
    return f"{sent.name}/{_NOTHING if isinstance(sent, Unusable) else sent.sha256}"


def _compared(text: str) -> str:
    return _normalised(text[:COMPARED_CHARACTERS])


@lru_cache(maxsize=1024)
def _normalised(text: str) -> str:
    # A submission asks three times: what is loaded for its burst, the burst, and the ticket. It costs most of that.
    return normalised(_TIMES.sub("0", text))
