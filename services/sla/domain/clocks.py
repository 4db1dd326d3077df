"""Reply clocks: when a requester waits for the desk, told from the versions of their ticket alone.

A clock runs while the ticket's status says that it is the desk's turn. The first one starts when the ticket is opened,
each next one with the first message of the requester that is not answered yet; the desk's message, or closing, ends
it. Being told from the set of versions, late events give the same clocks as events in order. Deadlines are
`policy.py`, what is said about them `decisions.py`. The page is docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise, starmap

from services.sla.domain.policy import TargetName
from services.sla.domain.versions import Span, follows

DESK_WROTE = frozenset({"need_more_info", "solution_suggested"})
"""Statuses that a ticket enters by a message of the desk."""

NOT_THE_DESKS_TURN = DESK_WROTE | {"closed"}

REQUESTER_WROTE = frozenset({"needs_reply", "reopened"})
"""Statuses that a ticket enters by a message of its requester."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One wait of the requester.

    `id` is the same in whatever order events come: which reopening, and after which message of the desk.
    """

    id: str
    target: TargetName
    category: str
    started_at: datetime
    ended_at: datetime | None = None
    """None while it runs."""
    answered: bool = False
    """Whether a message of the desk ended it, not the closing of the ticket."""
    complete: bool = False
    """It has ended and every version that could tell more about it is known."""


def clocks(spans: Sequence[Span], opened_at: datetime) -> list[Clock]:
    """All clocks of a ticket of which these versions are known, in order. Only the last may be running."""
    waits: dict[tuple[int, datetime | None, int], list[int]] = {}
    answers: dict[tuple[int, datetime | None], int] = {}
    since: dict[tuple[int, datetime | None], int] = {}
    for place, span in enumerate(spans):
        wrote = span.reopen_count, span.last_agent_message_at
        since.setdefault(wrote, place)
        if span.status not in NOT_THE_DESKS_TURN:
            waits.setdefault((*wrote, answers.setdefault(wrote, 0)), []).append(place)
        elif span.status in DESK_WROTE and (*wrote, answers.get(wrote, 0)) in waits:
            # The desk answered in the very instant of its message before: what follows is another wait.
            answers[wrote] += 1
    found = (
        _clock(spans, since[reopened, after], places[0], places[-1], opened_at, nth)
        for (reopened, after, nth), places in waits.items()
    )
    return [clock for clock in found if clock is not None]


def _clock(spans: Sequence[Span], since: int, first: int, last: int, opened_at: datetime, nth: int) -> Clock | None:
    """The wait of the spans from `first` to `last`, the `nth` since the desk wrote last (span `since`)."""
    wait = spans[first : last + 1]
    after = wait[0].last_agent_message_at
    is_first = after is None and wait[0].reopen_count == 0
    started_at = opened_at if is_first else _first_unanswered(wait, after)
    if started_at is None:
        return None  # the desk wrote last, though the status says otherwise
    clock = Clock(
        id=f"{wait[0].reopen_count}/{after.isoformat() if after else 'opened'}{f'/{nth}' if nth else ''}",
        target="first_reply" if is_first else "next_reply",
        category=wait[-1].category,
        started_at=started_at,
    )
    if last == len(spans) - 1:
        return clock
    end = spans[last + 1]
    answered = end.last_agent_message_at != after or end.status in DESK_WROTE
    return replace(
        clock,
        ended_at=end.last_agent_message_at if answered and end.last_agent_message_at else end.status_since,
        answered=answered,
        # From the desk's message on: one of the same instant that is still unknown would make this a later wait.
        complete=_known_from_its_start(spans, since) and all(starmap(follows, pairwise(spans[since : last + 2]))),
    )


def _known_from_its_start(spans: Sequence[Span], first: int) -> bool:
    return spans[first].first == 1 or (first > 0 and follows(spans[first - 1], spans[first]))


def _first_unanswered(wait: Iterable[Span], after: datetime | None) -> datetime | None:
    """When the requester first wrote after the desk's last message, as far as is known."""
    wrote = [span.customer_message_at for span in wait if span.customer_message_at is not None]
    wrote += [span.status_since for span in wait if span.status in REQUESTER_WROTE]
    return min((at for at in wrote if after is None or at >= after), default=None)
