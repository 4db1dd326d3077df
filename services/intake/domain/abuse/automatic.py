"""Messages that a machine wrote: a channel marks them, or they repeat what was said before.

The desk notes such a message. It reopens no ticket, moves no clock and causes no mail, so two machines cannot talk to
each other forever. The page is docs/automatic.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from contracts.file_forms import AttachmentContent, Sent, Unusable
from contracts.statuses import DESKS_TURN
from contracts.tickets import Reply, Submit
from contracts.values import dataclass
from services.chassis.decision import derived_id
from services.intake.domain.issues.key import normalised
from services.intake.domain.values.ticket import Ticket

SAID_IN_A_ROW, ANSWERED_IN_A_ROW = 2, 5
"""How often in a row a person may say the same words: unasked, and in answer to what an agent asked or suggested
("Yes.", "It still does not work.")."""

COMPARED_CHARACTERS = 2_000
"""How much of a text is compared with another."""

NOTED_AGAIN = (
    "This message was noted. It repeats the last one, as automatic replies do, so the case stays as it is."
    " If you need an answer, please write in other words."
)
"""The hint to the sender of a message that the desk takes for a machine's although no channel marked it."""

_NOTHING = sha256().hexdigest()
_QUOTED = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_TIMES = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?|\d{1,4}([-./])\d{1,2}\1\d{1,4}")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message beside what its requester wrote to the ticket before. `words`: a digest of what it says. `times`: how
    often in a row they have said that since the ticket was filed, this time included. `answers`: the ticket awaits its
    requester."""

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
        """Whether it leaves an open ticket as it is. A person may ask the same thing a second time: so the second
        message is a note that awaits the desk, and only the third moves nothing. Nothing is lost, because the ticket
        awaits the desk already. A ticket that awaits its requester may close without an answer, so there more of them
        count."""
        return self.marked or self.times > (ANSWERED_IN_A_ROW if self.answers else SAID_IN_A_ROW)

    def remembered(self, now: datetime) -> dict[str, Any]:
        """The fields of the ticket that remember it."""
        return {"said": self.words, "said_at": now, "said_times": self.times}


def spoken(data: Reply | Submit, ticket: Ticket, within: timedelta, now: datetime) -> Spoken:
    """Compare a message with those before it in the ticket. `within`: how long after the last one it counts as a
    repetition."""
    words = words_of(data.body, data.attachments)
    times = ticket.said_times + 1 if said_lately(ticket, words, within, now) else 1
    return Spoken(words, times, data.automatic, ticket.is_open and ticket.status not in DESKS_TURN)


def files_again_and_again(words: str, tickets: Iterable[Ticket], within: timedelta, now: datetime) -> bool:
    """Whether a new ticket would be its requester's third to say the same. `tickets`: those that they have."""
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
    """A digest of what a message says. Case, white space, punctuation, quoted mail, times of day and dates make no
    difference; the files that come with it do. Empty if it says nothing."""
    own = _QUOTED.sub("", text) if ">" in text else text
    said = _compared(own) or _compared(text)
    files = [_file(each) for each in attachments]
    return derived_id("words", said, *files) if said or files else ""


def _file(sent: Sent) -> str:
    """Tells files apart, also those that intake refuses."""
    if isinstance(sent, AttachmentContent):
        return f"{sent.name}/{sha256(sent.content).hexdigest()}"
    return f"{sent.name}/{_NOTHING if isinstance(sent, Unusable) else sent.sha256}"


def _compared(text: str) -> str:
    return _normalised(text[:COMPARED_CHARACTERS])


@lru_cache(maxsize=1024)
def _normalised(text: str) -> str:
    # A submission asks three times: what is loaded for its burst, the burst, and the ticket. It costs most of that.
    return normalised(_TIMES.sub("0", text))
