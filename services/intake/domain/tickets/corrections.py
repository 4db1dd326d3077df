"""Corrects what was filed: the requester edits the words, an agent the category. The history keeps old and new.

The page is docs/ticket-life.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from contracts.snapshot import EntryDetails, TicketAgent
from contracts.tickets import Edit, Reclassify
from services.chassis.decision import Decision, Message
from services.intake.domain import answers
from services.intake.domain.abuse import hourly
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.issues.key import one_open_key
from services.intake.domain.issues.likeness import opening
from services.intake.domain.life import moves
from services.intake.domain.life.recording import accepting, recorded, telling_agent
from services.intake.domain.needs import EntryAt, Need, OpenTickets
from services.intake.domain.state import View
from services.intake.domain.values.history import agent_as_author, change, requester_as_author
from services.intake.domain.values.ticket import Ticket


def edit(view: View, message: Message[Edit], _: Caller, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.edit`: the requester changes subject, body or both. The key of the issue stays as it was filed."""
    refused = moves.refusal(moves.EDIT, ticket) or hourly.of_ticket(view, ticket, now)
    if refused is not None:
        return Decision(answer=refused)
    wanted = {"subject": message.data.subject, "body": message.data.body}
    given = {name: text for name, text in wanted.items() if text is not None}
    if not given:
        return Decision(
            answer=answers.invalid({name: ["Give a new subject, a new body, or both."] for name in ("subject", "body")})
        )
    stands = {"subject": ticket.subject, "body": _body(view, ticket)}
    changed = {name: change(stands[name], new) for name, new in given.items() if new != stands[name]}
    if not changed:
        return Decision(answer=answers.invalid({name: ["It is the same as before."] for name in given}))
    stands |= given
    more: dict[str, Any] = {"body_version": ticket.version + 1} if "body" in changed else {}
    more |= hourly.one_more(ticket, now)
    edited = moves.moved(
        moves.EDIT, ticket, now, subject=stands["subject"], opening=opening(stands["subject"], stands["body"]), **more
    )
    author = requester_as_author(ticket.requester)
    decision = recorded(message, edited, moves.EDIT.event, author, "", now, details=EntryDetails(changed=changed))
    return accepting(telling_agent(decision, ticket.agent, "ticket.edited"))


def reclassify(view: View, message: Message[Reclassify], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.reclassify`: another category or subcategory, with its priority. This may change the key of the issue: if
    the person has that issue open in another ticket, the answer is `conflict` and names that ticket."""
    refused = moves.refusal(moves.RECLASSIFY, ticket)
    if refused is not None:
        return Decision(answer=refused)
    subcategory = message.data.subcategory
    category = view.catalogue.categories.get(message.data.category)
    if category is None:
        return Decision(answer=answers.unknown_category(message.data.category))
    if subcategory is not None and subcategory not in category.subcategories:
        return Decision(answer=answers.unknown_subcategory(category, subcategory))
    if (category.id, subcategory) == (ticket.category, ticket.subcategory):
        return Decision(answer=answers.invalid({"category": ["The case already has this category and subcategory."]}))
    key = one_open_key(category, subcategory, ticket.subject, ticket.issue_key)
    other = view.holder(ticket.person, key)
    if other is not None and other.id != ticket.id:
        sentence = f"With this category it would be the same issue as case {other.number}. You can merge the two."
        return Decision(answer=answers.conflict(other, sentence))
    stands = {"category": category.id, "subcategory": subcategory, "priority": category.priority}
    changed = {name: change(old, new) for name, new in stands.items() if new != (old := getattr(ticket, name))}
    filed = moves.moved(moves.RECLASSIFY, ticket, now, key=key, **stands)
    author = agent_as_author(agent)
    return accepting(
        recorded(message, filed, moves.RECLASSIFY.event, author, "", now, details=EntryDetails(changed=changed))
    )


def _body(view: View, ticket: Ticket) -> str:
    """The current body: what was filed, or its last edit."""
    (entry,) = [entry for entry in view.history(ticket) if entry.version == ticket.body_version]
    edited = (entry.details.changed or {}).get("body")
    return entry.text if edited is None else edited.new or ""


def edit_needed(known: View, message: Message[Edit]) -> Iterable[Need]:
    """The entry with the current body."""
    ticket = known.ticket(message.data.number)
    if ticket is not None:
        yield EntryAt(ticket.id, ticket.body_version)


def reclassify_needed(known: View, message: Message[Reclassify]) -> Iterable[Need]:
    """What else the person has open."""
    ticket = known.ticket(message.data.number)
    if ticket is not None:
        yield OpenTickets(ticket.person)
