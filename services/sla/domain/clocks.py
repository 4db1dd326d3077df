"""Reply clocks: when a requester waits for the desk, derived from the versions of their ticket alone.

A clock runs while the ticket's status says that it is the desk's turn. The first clock starts when the ticket is opened
and ends with the desk's first message. Each next one starts with the requester's first unanswered message, stands still
while the desk waits for something from the requester, and ends with a suggested solution or closing. Because clocks are
derived from the set of versions, late events give the same clocks as events in order. `policy.py` computes deadlines,
and `timekeeping.py` decides what is announced. The page is docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from contracts.sla import TargetName
from contracts.statuses import DESKS_TURN
from contracts.values import dataclass
from services.sla.domain.policy import Pause
from services.sla.domain.versions import Span, follows

ASKED = "need_more_info"
"""The status in which the desk waits for something from the requester."""

DESK_WROTE = frozenset({ASKED, "solution_suggested"})
"""Statuses that a ticket enters by a message of the desk."""

ENDS = frozenset({"solution_suggested", "closed"})
"""Statuses that end every clock."""

REQUESTER_WROTE = frozenset({"needs_reply", "reopened"})
"""Statuses that a ticket enters by a message of its requester."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One wait of the requester. `id` is the same in whatever order events come: it names the reopening, and the
    message of the desk after which the wait began."""

    id: str
    target: TargetName
    category: str
    started_at: datetime
    unanswered_since: datetime
    """The first message of the requester that the desk has not replied to in any way; `started_at` before a pause."""
    escalated: bool = False
    pauses: tuple[Pause, ...] = ()
    """The pauses that are over, in order."""
    paused_at: datetime | None = None
    """Since when it stands still; if it has ended too, it stood still until then."""
    ended_at: datetime | None = None
    answered: bool = False
    """Whether a message of the desk ended it, not the closing of the ticket."""
    complete: bool = False
    """It has ended, and every version up to its end is known."""

    @property
    def is_running(self) -> bool:
        """Whether the requester waits for the desk now."""
        return self.ended_at is None and self.paused_at is None

    @property
    def counted_until(self) -> datetime | None:
        """When it stood still or ended; None while it runs."""
        return self.paused_at or self.ended_at


@dataclass(frozen=True, slots=True)
class _Wait:
    """A time in which it is the desk's turn, from the desk's previous message (or the opening) to its next one: spans
    `first` to `last`."""

    id: str
    is_first: bool
    first: int
    last: int
    started_at: datetime


def clocks(spans: Sequence[Span], opened_at: datetime) -> list[Clock]:
    """All clocks of a ticket whose known versions these are, in order. Only the last may be running or paused."""
    groups: list[list[_Wait]] = []
    for wait in _waits(spans, opened_at):
        if groups and _goes_on(spans, groups[-1][-1], wait):
            groups[-1].append(wait)
        else:
            groups.append([wait])
    known = _known_from_version_1(spans)
    return [_clock(spans, group, known) for group in groups]


def _waits(spans: Sequence[Span], opened_at: datetime) -> Iterator[_Wait]:
    places: dict[tuple[int, datetime | None, int], list[int]] = {}
    answers: dict[tuple[int, datetime | None], int] = {}
    for place, span in enumerate(spans):
        wrote = span.reopen_count, span.last_agent_message_at
        if span.status in DESKS_TURN:
            places.setdefault((*wrote, answers.setdefault(wrote, 0)), []).append(place)
        elif span.status in DESK_WROTE and (*wrote, answers.get(wrote, 0)) in places:
            # The desk answered in the same instant as its previous message: what follows is another wait.
            answers[wrote] += 1
    for (reopened, after, nth), found in places.items():
        is_first = after is None and reopened == 0
        of_wait = spans[found[0] : found[-1] + 1]
        taken_in = [span.waits_since for span in of_wait if span.waits_since is not None]
        closed_at = max((span.status_since for span in spans[: found[0]] if span.status == "closed"), default=None)
        own = opened_at if is_first else _first_unanswered(of_wait, after, closed_at)
        started_at = min([*taken_in, *([own] if own is not None else [])], default=None)
        if started_at is not None:  # otherwise the desk wrote last, although the status says something else
            id_ = f"{reopened}/{after.isoformat() if after else 'opened'}{f'/{nth}' if nth else ''}"
            yield _Wait(id_, is_first, found[0], found[-1], started_at)


def _first_unanswered(wait: Iterable[Span], after: datetime | None, closed_at: datetime | None) -> datetime | None:
    """When the requester first wrote after the desk's last message and after the ticket was last closed before, if that
    is known. (A supervisor reopens a ticket without a new message from its requester.)

    What brought the ticket into one of the requester's statuses came later, whatever a clock said that was set back in
    between.
    """
    spans = list(wait)
    wrote = [span.customer_message_at for span in spans if span.customer_message_at is not None]
    wrote = [at for at in wrote if (after is None or at >= after) and (closed_at is None or at >= closed_at)]
    wrote += [max(span.status_since, after or span.status_since) for span in spans if span.status in REQUESTER_WROTE]
    if not wrote and closed_at is not None and (after is None or after <= closed_at):
        # The message that reopened it is still on its way: what was announced of this wait must not be forgotten.
        wrote = [span.status_since for span in spans]
    return min(wrote, default=None)


def _goes_on(spans: Sequence[Span], wait: _Wait, later: _Wait) -> bool:
    """Whether only questions of the desk lie between two waits: then the clock stood still in between."""
    between = {span.status for span in spans[wait.last + 1 : later.first]}
    return not wait.is_first and ASKED in between and not between & ENDS


def _known_from_version_1(spans: Sequence[Span]) -> int:
    """How many spans come before the first missing version."""
    if spans[0].first != 1:
        return 0
    return next((place for place in range(1, len(spans)) if not follows(spans[place - 1], spans[place])), len(spans))


def _clock(spans: Sequence[Span], waits: Sequence[_Wait], known: int) -> Clock:
    """The clock of these waits; the first `known` spans have no gap."""
    first, last = waits[0], waits[-1]
    # A message that was taken in may have waited when this one was only asked for: then nothing stood still.
    left = [(_left(spans, wait), later.started_at) for wait, later in pairwise(waits)]
    pauses = tuple((paused_at, max(paused_at, resumed_at)) for paused_at, resumed_at in left)
    after = last.last + 1
    paused_at = None
    end = after
    if not first.is_first and after < len(spans) and spans[after].status == ASKED:
        paused_at = _left(spans, last)
        end = next((place for place in range(after, len(spans)) if spans[place].status in ENDS), len(spans))
    has_ended = end < len(spans)
    return Clock(
        id=first.id,
        target="first_reply" if first.is_first else "next_reply",
        category=spans[end - 1].category,
        started_at=min(wait.started_at for wait in waits),
        unanswered_since=last.started_at,
        escalated=spans[end - 1].escalated,
        pauses=pauses,
        paused_at=paused_at,
        ended_at=_at(spans, end) if has_ended else None,
        answered=has_ended and _wrote(spans, end),
        complete=end < known,
    )


def _left(spans: Sequence[Span], wait: _Wait) -> datetime:
    """When it stopped being the desk's turn."""
    return _at(spans, wait.last + 1)


def _wrote(spans: Sequence[Span], place: int) -> bool:
    """Whether the desk wrote between this span and the one before it, or by it."""
    span = spans[place]
    return span.last_agent_message_at != spans[place - 1].last_agent_message_at or span.status in DESK_WROTE


def _at(spans: Sequence[Span], place: int) -> datetime:
    """When the ticket came to this span: by the desk's message, or when it took this status."""
    wrote = spans[place].last_agent_message_at if _wrote(spans, place) else None
    return wrote or spans[place].status_since
