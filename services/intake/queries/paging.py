"""Pages of a list of tickets, and parts of a long history. It reads no more than fits into an answer.

Every version has one entry, which knows how many bytes of history come before it: so the entry where a part begins
tells which others fit. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import DESCENDING
from pymongo.database import Database

from services.chassis.database import Document
from services.chassis.pipeline import Find, find
from services.intake.documents import ticket_of
from services.intake.domain.needs import PartOfHistory
from services.intake.domain.tickets.viewing import MOST_ENTRIES, PAGE, SHOWN
from services.intake.domain.values.pages import AgentPageAsked, Page, PageAsked
from services.intake.domain.values.ticket import Ticket


def page_of(database: Database[Document], asked: PageAsked | AgentPageAsked) -> tuple[list[Ticket], Page]:
    """The tickets on a page, newest first, and the page."""
    theirs = _theirs(asked) if isinstance(asked, PageAsked) else _of_agent(asked)
    count = database["tickets"].count_documents(theirs)
    newest = database["tickets"].find(theirs).sort([("opened_at", DESCENDING), ("number", DESCENDING)])
    on_page = [ticket_of(row) for row in newest.skip((asked.page - 1) * PAGE).limit(PAGE)]
    # One that was filed after they were counted may be on the page.
    pages = max(-(-count // PAGE), asked.page if on_page else 0)
    return on_page, Page(tuple(ticket.id for ticket in on_page), pages)


def _theirs(asked: PageAsked) -> Document:
    """A requester's tickets."""
    # What is still the account's own moves to the person in this turn.
    theirs: Document = {"person": {"$in": sorted({asked.person, asked.account})}}
    return theirs if asked.status is None else {**theirs, "status": asked.status}


def _of_agent(asked: AgentPageAsked) -> Document:
    """An agent's tickets."""
    if asked.status == "closed":
        return {"agent.id": asked.agent, "status": "closed"}
    theirs: Document = {"agent.id": asked.agent, "open_key": {"$type": "string"}}
    return theirs if asked.status is None else {**theirs, "status": asked.status}


def parts_asked(database: Database[Document], needs: Sequence[PartOfHistory]) -> list[Document]:
    """Conditions on entries, one for each need."""
    if not needs:
        return []
    edges = [(need, _edge(need)) for need in needs]
    within = [{"ticket_id": need.ticket_id, "version": edge} for need, edge in edges if 1 <= edge <= need.version]
    found = find(database, Find("entries", {"$or": within}))[0] if within else []
    offsets = {(row["ticket_id"], row["version"]): row["offset"] for row in found}
    return [_part(need, edge, offsets.get((need.ticket_id, edge), need.size)) for need, edge in edges]


def _edge(need: PartOfHistory) -> int:
    """The version whose entry stands where the part begins or ends."""
    return (need.after or 0) + 1 if need.before is None else need.before


def _part(need: PartOfHistory, edge: int, offset: int) -> Document:
    if need.before is not None:
        span = {"version": {"$lt": edge, "$gte": edge - MOST_ENTRIES}, "offset": {"$gte": offset - SHOWN}}
    else:
        span = {"version": {"$gte": edge, "$lt": edge + MOST_ENTRIES}, "offset": {"$lt": offset + SHOWN}}
    return {"ticket_id": need.ticket_id, **span}
