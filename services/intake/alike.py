"""What a turn reads of bursts: equal submissions of many accounts. What follows from them is domain/bursts.py.

The page is docs/abuse.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo.database import Database

from contracts.staff import Staff
from services.chassis.decision import Message
from services.chassis.pipeline import Find, find
from services.chassis.unit_of_work import Document
from services.intake.documents import burst_of
from services.intake.domain.bursts import RELEASE, RELEASED_AT_ONCE, filed_as
from services.intake.domain.state import Burst, Limits
from services.intake.domain.tickets import Ticket


def words_counted(messages: Sequence[Message[Any]], staff: Staff | None, limits: Limits) -> set[str]:
    """The words of these submissions that may make a burst."""
    if not limits.burst_accounts or staff is None:
        return set()
    return {filed_as(one.data) for one in messages if one.type == "ticket.submit"}


def filed_lately(words: Collection[str], since: datetime) -> list[Find]:
    """What was filed since then with these words, and the bursts that they have made."""
    filed = {"filed": {"$in": sorted(words), "$type": "string"}, "opened_at": {"$gte": since}}
    return [Find("tickets", filed), Find("bursts", {"_id": {"$in": sorted(words)}})] if words else []


def to_release(
    database: Database[Document],
    messages: Sequence[Message[Any]],
    tickets: Mapping[str, Ticket],
    held: Sequence[Document],
) -> tuple[list[Document], list[Burst]]:
    """Of bursts that were released as many held tickets as one turn releases; and the bursts `held`, with those of
    the tickets that are to be released."""
    bursts = {burst.id: burst for burst in map(burst_of, held)}
    releasing = [one for one in messages if one.type == "ticket.release" and one.data.number in tickets]
    ids = {tickets[one.data.number].burst for one in releasing} - bursts.keys() - {None}
    due = {one.subject for one in messages if one.type == f"timer.{RELEASE}"}
    queries = [Find("tickets", {"burst": {"$eq": one, "$type": "string"}}, limit=RELEASED_AT_ONCE) for one in due]
    if not ids and not queries:
        return [], list(bursts.values())
    *found, more = find(database, *queries, Find("bursts", {"_id": {"$in": list(ids)}}))
    return [row for rows in found for row in rows], [*bursts.values(), *map(burst_of, more)]
