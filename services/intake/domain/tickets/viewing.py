"""Lists of tickets, and views of one ticket with its history. Nothing changes and nothing is remembered.

The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from contracts.snapshot import TicketAgent
from contracts.statuses import CLOSES_AFTER, REOPENS_WITHIN
from contracts.tickets import Listed, ListTickets, Viewed, ViewTicket
from services.chassis.decision import Answer, Decision, Message
from services.intake.domain import answers
from services.intake.domain.accounts.caller import Caller, account_named
from services.intake.domain.accounts.in_one_turn import persons_to_be
from services.intake.domain.needs import AccountOf, ArticleOf, EscalatableOf, HistoryOf, Need, PartOfHistory
from services.intake.domain.state import View
from services.intake.domain.values.article import articles_named, for_requester
from services.intake.domain.values.escalatable import Escalatable
from services.intake.domain.values.history import Entry, entry_data, part
from services.intake.domain.values.pages import AgentPageAsked, Page, PageAsked
from services.intake.domain.values.ticket import Ticket, snapshot

PAGE = 20
"""Tickets on a page."""

SHOWN = 768 * 1024
"""Bytes of history in one answer; older entries are left out, and the answer says `truncated`."""

MOST_ENTRIES = 8_000
"""How many entries can fit: each takes a hundred bytes or more."""


def page_asked(message: Message[ListTickets], account: str, person: str) -> PageAsked:
    """The page that a `ticket.list` of an account of this `person` asks for."""
    return PageAsked(account, person, message.data.status, message.data.page or 1)


def list_tickets(view: View, message: Message[ListTickets], caller: Caller, _: datetime) -> Decision:
    """`ticket.list`: the requester's tickets, newest first, 20 a page."""
    asked = page_asked(message, caller.requester.account, caller.person)
    page = view.pages[asked]
    found = [view.tickets[id_] for id_ in page.ticket_ids]
    # Earlier in this turn a ticket may have left the status that is asked for.
    return _listed([ticket for ticket in found if asked.status in (None, ticket.status)], asked.page, page)


def page_of_agent(message: Message[ListTickets]) -> AgentPageAsked:
    """The page that a `ticket.list` of an agent asks for."""
    data = message.data
    return AgentPageAsked(data.agent_id or "", data.status, data.page or 1)


def list_of_agent(view: View, message: Message[ListTickets], _: datetime) -> Decision:
    """`ticket.list` of an agent: the tickets that are theirs, newest first, 20 a page; without a status, the open
    ones."""
    asked = page_of_agent(message)
    page = view.pages[asked]
    found = [view.tickets[id_] for id_ in page.ticket_ids]
    # Earlier in this turn a ticket may have gone to somebody else.
    theirs = [ticket for ticket in found if ticket.agent is not None and ticket.agent.id == asked.agent]
    fitting = [
        ticket for ticket in theirs if (ticket.is_open if asked.status is None else ticket.status == asked.status)
    ]
    return _listed(fitting, asked.page, page)


def _listed(tickets: Sequence[Ticket], number: int, page: Page) -> Decision:
    listed = Listed(tickets=[snapshot(ticket) for ticket in tickets], page=number, pages=page.pages)
    return Decision(answer=Answer("ticket.listed", listed))


def view_own(view: View, message: Message[ViewTicket], _: Caller, ticket: Ticket, __: datetime) -> Decision:
    """`ticket.view` of a requester: the ticket, and the public entries of its history, without the ids of internal
    articles."""
    history = [for_requester(entry, view.articles) for entry in view.history(ticket)]
    return _viewed(view, history, message, ticket, lambda entry: entry.visibility == "public")


def view_as_agent(view: View, message: Message[ViewTicket], _: TicketAgent, ticket: Ticket, __: datetime) -> Decision:
    """`ticket.view` of an agent who has the ticket, or may have it: with internal entries."""
    return _viewed(view, view.history(ticket), message, ticket, lambda _: True)


def _viewed(
    view: View, history: Sequence[Entry], message: Message[ViewTicket], ticket: Ticket, shows: Callable[[Entry], bool]
) -> Decision:
    before, after = message.data.before, message.data.after
    if before is not None and after is not None:
        sentence = "Give one of before and after, or neither."
        return Decision(answer=answers.invalid({"before": [sentence], "after": [sentence]}))
    shown = part(history, SHOWN, ticket.version, shows, before=before, after=after)
    viewed = Viewed(
        ticket=snapshot(ticket),
        history=[entry_data(entry) for entry in shown.entries],
        truncated=ticket.history_size > SHOWN,
        before=shown.before,
        after=shown.after,
        **_moments(ticket, view.escalatable.get(ticket.id)),
    )
    return Decision(answer=Answer("ticket.viewed", viewed, ticket.number))


def _moments(ticket: Ticket, told: Escalatable | None) -> Mapping[str, datetime | None]:
    """By when whoever's turn it is should act. `told`: what sla has said of the ticket."""
    moments: dict[str, datetime | None] = {}
    if (
        told is not None
        and told.holds_for(ticket.awaits_since_version)
        and not told.is_outdated(ticket.unanswered_since)
    ):
        moments["answer_due_at"] = told.due_at
        if not ticket.escalated:
            moments["escalatable_at"] = told.at
    if ticket.status == "solution_suggested":
        moments["closes_at"] = ticket.status_since + CLOSES_AFTER
    if ticket.closed_at is not None and ticket.merged_into is None and ticket.has_owner:
        moments["reopens_until"] = ticket.closed_at + REOPENS_WITHIN
    return moments


def list_needed(known: View, message: Message[ListTickets]) -> Iterable[PageAsked | AgentPageAsked]:
    """The page; if the account confirms its address in this turn, one for each person to whom it may belong by then."""
    if message.data.requester is None:
        if message.sender == f"agent.{message.data.agent_id}":
            yield page_of_agent(message)
        return
    key = account_named(message)
    if key is not None and AccountOf(key) in known.asked:
        for person in persons_to_be(known, key):
            yield page_asked(message, key, person)


def view_needed(known: View, message: Message[ViewTicket]) -> Iterable[Need]:
    """As much of the history as the answer shows, and for a requester which of the articles in it are internal; by when
    the desk should reply, if it has to."""
    ticket, data = known.ticket(message.data.number), message.data
    if ticket is None:
        return
    if data.before is None and data.after is None:
        yield HistoryOf(ticket.id, ticket.version, ticket.history_size, SHOWN)
    else:
        yield PartOfHistory(ticket.id, ticket.version, ticket.history_size, data.before, data.after)
    if ticket.awaits_since_version is not None:
        yield EscalatableOf(ticket.id)
    if data.requester is not None:
        yield from map(ArticleOf, articles_named(known.history(ticket)))
