"""Which cases were not filed because an article answered: the articles of a draft from which nothing was filed.

Deflected: an article was opened with a draft, and nothing was filed from that draft within 24 hours of the first such
opening. It counts on the day of that opening: once for each article, and once for the desk.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from contracts.tickets import DraftFiled
from services.chassis.decision import Arm, Decision, Message, Timer
from services.knowledge.domain.needs import Need, Stored
from services.knowledge.domain.state import Value, View
from services.knowledge.domain.values.counts import (
    DEFLECTED_AFTER,
    DESK,
    FACTS_KEPT,
    Draft,
    Tally,
    day_of,
    draft_id,
    tally_key,
)

MOST_OPENED = 50
"""Articles of one draft: whoever opens more does not know what they look for."""


class DeflectedTimer(Timer):
    """24 hours after the first opening from a draft. It is about the draft."""

    kind: ClassVar[str] = "deflected"


def opened_from(view: View, id_: str, article: str, now: datetime) -> tuple[list[Value], list[Arm]]:
    """What changes, and which timer is set, when the article is opened from this draft."""
    draft = view.of(Draft, id_)
    if draft is None:
        due = now + DEFLECTED_AFTER
        return [Draft(id_, (article,), now)], [Arm(f"deflected:{id_}", DeflectedTimer(due=due), id_)]
    is_over = draft.filed or draft.counted or (draft.opened_at is not None and now >= draft.opened_at + DEFLECTED_AFTER)
    if is_over or article in draft.articles or len(draft.articles) >= MOST_OPENED:
        return [], []
    return [replace(draft, articles=(*draft.articles, article), revision=draft.revision + 1)], []


def filed(view: View, message: Message[DraftFiled], now: datetime) -> Decision:
    """`draft.filed`: something was filed from this draft, before or after an article was opened from it.

    It may come after the timer, if this service was away. If the case was filed in time, the articles did not help.
    """
    id_ = draft_id(message.data.channel, message.data.draft)
    draft = view.of(Draft, id_)
    if draft is None:
        return Decision([Draft(id_, filed=True, forget_at=now + FACTS_KEPT)])
    if draft.filed:
        return Decision()
    at = message.data.at or now
    if draft.opened_at is not None and at >= draft.opened_at + DEFLECTED_AFTER:
        return Decision()
    taken_back = _tallies(view, draft, -1) if draft.counted else []
    return Decision([_settled(draft, now, filed=True, counted=False), *taken_back])


def filed_needed(known: View, message: Message[DraftFiled]) -> Iterable[Need]:
    """The draft, and the counts that it may have changed."""
    yield from _of_draft(known, draft_id(message.data.channel, message.data.draft))


def deflected_due(view: View, message: Message[DeflectedTimer], now: datetime) -> Decision:
    """The timer: nothing was filed from the draft, so its articles have answered."""
    draft = view.of(Draft, message.subject or "")
    if draft is None or draft.filed or draft.counted:
        return Decision()
    return Decision([_settled(draft, now, filed=False, counted=True), *_tallies(view, draft, +1)])


def deflected_needed(known: View, message: Message[DeflectedTimer]) -> Iterable[Need]:
    """The draft, and the counts of its articles."""
    yield from _of_draft(known, message.subject or "")


def _of_draft(known: View, id_: str) -> Iterable[Need]:
    yield Stored(Draft, id_)
    draft = known.of(Draft, id_)
    if draft is not None and draft.opened_at is not None:
        for article in (*draft.articles, DESK):
            yield Stored(Tally, tally_key(article, day_of(draft.opened_at)))


def _settled(draft: Draft, now: datetime, *, filed: bool, counted: bool) -> Draft:
    """Nothing will be counted of it any more, except that it may turn out to be filed."""
    forget_at = now + FACTS_KEPT
    return replace(draft, filed=filed, counted=counted, forget_at=forget_at, revision=draft.revision + 1)


def _tallies(view: View, draft: Draft, by: int) -> list[Value]:
    assert draft.opened_at is not None, "only drafts from which something was opened are counted"
    day = day_of(draft.opened_at)
    changed: list[Value] = []
    for article in (*draft.articles, DESK):
        tally = view.of(Tally, tally_key(article, day)) or Tally(article, day)
        changed.append(replace(tally, deflected=tally.deflected + by, revision=tally.revision + 1))
    return changed
