"""Which entries a `ticket.view` reads that asks for a part of a long history: no more of them than fit into its answer.

Every version has one entry, which knows how many bytes of history stand before it; so the entry where a part begins
says which others fit. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pymongo.database import Database

from contracts.tickets import View
from services.chassis.decision import Message
from services.chassis.pipeline import Find, find
from services.chassis.unit_of_work import Document
from services.intake.domain.tickets import Ticket
from services.intake.domain.viewing import MOST_ENTRIES, SHOWN, asks_for_part


def parts_asked(
    database: Database[Document], messages: Sequence[Message[View]], tickets: Mapping[str, Ticket]
) -> list[Document]:
    """Conditions on entries, one for each view of these that asks for a part of a ticket (given by number)."""
    views = [one for one in messages if asks_for_part(one) and one.data.number in tickets]
    edges = [(tickets[one.data.number], _edge(one)) for one in views]
    within = [{"ticket_id": ticket.id, "version": edge} for ticket, edge in edges if 1 <= edge <= ticket.version]
    if not views:
        return []
    found = find(database, Find("entries", {"$or": within}))[0] if within else []
    offsets = {(row["ticket_id"], row["version"]): row["offset"] for row in found}
    return [
        _part(one, ticket.id, edge, offsets.get((ticket.id, edge), ticket.history_size))
        for one, (ticket, edge) in zip(views, edges, strict=True)
    ]


def _edge(view: Message[View]) -> int:
    """The version whose entry stands where the part begins or ends."""
    before: int | None = view.data.before
    return (view.data.after or 0) + 1 if before is None else before


def _part(view: Message[View], ticket_id: str, edge: int, offset: int) -> Document:
    if view.data.before is not None:
        span = {"version": {"$lt": edge, "$gte": edge - MOST_ENTRIES}, "offset": {"$gte": offset - SHOWN}}
    else:
        span = {"version": {"$gte": edge, "$lt": edge + MOST_ENTRIES}, "offset": {"$lt": offset + SHOWN}}
    return {"ticket_id": ticket_id, **span}
