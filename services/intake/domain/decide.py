"""The one door into the rules: each command goes to the function that decides it, once it is known who asks.

What holds for every command of a kind is checked here: the requester is authenticated and owns the ticket, the agent
is the sender and has the ticket (or may have it), and the ticket is the version that was expected. The page is
docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.attachments import Stored
from contracts.common import Snapshot, TicketAgent
from contracts.names import role_of
from contracts.tickets import Accepted, Rejected, Similar, TicketOutcome, Viewed
from services.chassis.decision import Answer, Decision, Message
from services.intake.domain import agents, answers, blocking, escalation, limits, moves
from services.intake.domain.accounts import ends
from services.intake.domain.agents import KnownAgent
from services.intake.domain.assignment import assign, change_agent, transfer, unassign
from services.intake.domain.bursts import release, release_due
from services.intake.domain.consent import answer_consent, ask_consent
from services.intake.domain.corrections import edit, reclassify
from services.intake.domain.downloads import download
from services.intake.domain.erasure import erase, erase_due
from services.intake.domain.escalation import NEWS_WITHIN, escalate
from services.intake.domain.expiry import end_due
from services.intake.domain.exporting import download_archive, exported
from services.intake.domain.joining import JOINING, link, merge, numbers_joined
from services.intake.domain.lifecycle import (
    accept_solution,
    add_note,
    ask_info,
    auto_close,
    close,
    start_work,
    suggest_solution,
)
from services.intake.domain.persons import confirm_contact, merge_account
from services.intake.domain.preferences import set_preferences
from services.intake.domain.recording import telling_agent
from services.intake.domain.redaction import redact
from services.intake.domain.replies import reply
from services.intake.domain.requesters import (
    Caller,
    account_meant,
    account_named,
    caller,
    open_temporary,
    requester_of,
)
from services.intake.domain.rotation import THE_ONE, go_on, rotate
from services.intake.domain.scanning import scanned
from services.intake.domain.state import Escalatable, State, TicketWritten
from services.intake.domain.submission import submit
from services.intake.domain.supervising import SUPERVISED, SUPERVISING, assign_to, reopen, take_away
from services.intake.domain.swept import confirm_swept
from services.intake.domain.tickets import Ticket
from services.intake.domain.uploads import upload
from services.intake.domain.viewing import list_of_agent, list_tickets, view_as_agent, view_own

VIEWS = frozenset({"ticket.list", "ticket.view", "attachment.download"})
"""Answered anew each time they come."""

FOR_WHO_MAY_HAVE_IT = frozenset(
    {"ticket.view", "attachment.download", "attachment.upload", "ticket.add_note", "ticket.link"}
)
"""What an agent may do to a ticket that is another's or nobody's, if they may have it."""


def decide(state: State, message: Message[Any], now: datetime) -> Decision:
    """What one command changes and how it is answered. Its data has passed its schema, its sender may send its type.

    Raises ValueError for a type that is not intake's.
    """
    decision = _decide(state, message, now)
    if message.type in VIEWS:
        return replace(decision, remember=False)
    decision = _to_be_found(message, decision)
    looked_at = [ends(ticket.requester.account, now + state.temporary_lasts) for ticket in _closed(decision, now)]
    return replace(decision, timers=[*decision.timers, *looked_at]) if looked_at else decision


def _closed(decision: Decision, now: datetime) -> list[Ticket]:
    """The tickets of temporary accounts that this very decision closes: each may be its account's last."""
    written = [change.ticket for change in decision.changes if isinstance(change, TicketWritten)]
    temporary = [one for one in written if one.requester.kind == "temporary" and not one.erased]
    return [one for one in temporary if one.closed_at == now]


def _to_be_found(message: Message[Any], decision: Decision) -> Decision:
    """An answer that shows tickets, and that no entry leads to because nothing was written; or names of an account's
    files."""
    answer = decision.answer
    if answer is None:
        return decision
    about: list[str] = []
    if not any(isinstance(change, TicketWritten) for change in decision.changes):
        about = [ticket.number for ticket in _shown(answer)]
    account = account_named(message)
    names_files = isinstance(answer.data, Stored) or (
        isinstance(answer.data, Rejected) and getattr(message.data, "attachments", None)
    )
    if names_files and account is not None:
        about.append(account)
    return replace(decision, answer=replace(answer, about=about)) if about else decision


def _shown(answer: Answer) -> Sequence[Snapshot]:
    """The tickets that an answer shows."""
    match answer.data:
        case Similar(candidates=candidates):
            return candidates
        case TicketOutcome(ticket=ticket) | Viewed(ticket=ticket):
            return [ticket]
        case Accepted(ticket=ticket) | Rejected(ticket=ticket) if ticket is not None:
            return [ticket]
    return []


def _decide(state: State, message: Message[Any], now: datetime) -> Decision:
    match message.type:
        case "sla.armed" | "agent.signed_on" | "agent.signed_off" | "agent.paused" | "agent.resumed":
            return _heard(state, message)
        case "account.open_temporary":
            return open_temporary(state, message, now)
        case "timer.file_scan":
            return scanned(state, message, now)
        case "timer.account_export":
            return Decision()  # the archive was made before the turn
        case "timer.account_erase":
            return erase_due(state, message, now)
        case "timer.account_end":
            return end_due(state, message, now)
        case "timer.burst_release":
            return release_due(state, message, now)
        case "timer.key_rotation":
            return go_on(state.rotations.get(THE_ONE), state.prepared.rewrapped.get(message.key), now)
        case "attachment_keys.rotate":
            return rotate(state.rotations.get(THE_ONE), state.master_key, message, now)
        case "erasures.confirm_swept":
            return confirm_swept(state, message, now)
        case "ticket.assign" | "ticket.unassign" | "ticket.auto_close":
            return _of_service(state, message, now)
    if getattr(message.data, "account", None) is not None:
        return _of_operator(state, message, now)
    if getattr(message.data, "moderator", None) is not None:
        return _of_moderator(state, message, now)
    return _of_agent(state, message, now) if requester_of(message) is None else _of_requester(state, message, now)


def _heard(state: State, message: Message[Any]) -> Decision:
    """News of other services: the newest are kept, so that hearing them twice changes nothing."""
    change: KnownAgent | Escalatable | None
    match message.type:
        case "sla.armed":
            change = escalation.armed(state, message)
        case "agent.signed_on":
            change = agents.signed_on(state.agents.get(message.data.agent_id), message.data)
        case "agent.paused" | "agent.resumed":
            known = state.agents.get(message.data.agent_id)
            change = agents.paused(known, message.data, message.type == "agent.paused")
        case _:
            change = agents.signed_off(state.agents.get(message.data.agent_id), message.data)
    return Decision(() if change is None else [change], remember=False)


def _of_operator(state: State, message: Message[Any], now: datetime) -> Decision:
    """The operator names an account that need not be theirs."""
    if role_of(message.sender) != "operator":
        return Decision(answer=answers.no_operator())
    key = account_meant(message.data.account)
    if key not in state.persons and message.type != "attachment.download":
        return Decision(answer=answers.invalid({"account": ["Nothing is kept of this account."]}))
    return _of_account(state, message, key, now)


def _of_account(state: State, message: Message[Any], key: str, now: datetime) -> Decision:
    """What may be done with all that is kept of an account, by whoever it is or by the operator."""
    match message.type:
        case "account.erase":
            accounts = [one for id_ in state.persons.get(key, ()) if (one := state.accounts.get(id_)) is not None]
            return erase(state, message, accounts, key, now)
        case "account.export":
            return exported(state, message, key, now)
        case "attachment.download":
            return download_archive(state, message, key)
    raise ValueError(f"{message.type} is nothing that is done with an account")


def _of_moderator(state: State, message: Message[Any], now: datetime) -> Decision:
    """A moderator of the community, whom a channel names."""
    if role_of(message.sender) != "channel":
        return Decision(answer=answers.no_channel())
    ticket = state.ticket(message.data.number)
    if ticket is None:
        return Decision(answer=answers.unknown_ticket(message.data.number))
    return escalate(state, message, ticket, now)


def _of_service(state: State, message: Message[Any], now: datetime) -> Decision:
    ticket = state.ticket(message.data.number)
    if ticket is None:
        return Decision(answer=answers.unknown_ticket(message.data.number))
    match message.type:
        case "ticket.assign":
            return assign(state, message, ticket, now)
        case "ticket.unassign":
            return unassign(message, ticket, now)
    return auto_close(message, ticket, now)


def _of_requester(state: State, message: Message[Any], now: datetime) -> Decision:
    if role_of(message.sender) != "channel":  # `ticket.view` has a form for either, and agents authenticate nobody
        return Decision(answer=answers.no_channel())
    asking = caller(state, message.data.requester)
    if isinstance(asking, Answer):
        return Decision(answer=asking)
    blocked = blocking.refusal(state, message, asking, now)
    if blocked is not None:
        return Decision(answer=blocked)
    match message.type:
        case "ticket.submit":
            return _written(state, message, asking, now, lambda: submit(state, message, asking, now))
        case "ticket.list":
            return list_tickets(state, message, asking)
        case "attachment.upload":
            return upload(state, message)
        case "account.set_preferences":
            return set_preferences(state, message, asking)
        case "account.confirm_contact":
            return confirm_contact(state, message, asking, now)
        case "account.merge":
            return merge_account(state, message, asking, now)
        case "account.erase" | "account.export":
            return _of_account(state, message, asking.requester.account, now)
    if message.data.number is None:  # of an archive
        return _of_account(state, message, asking.requester.account, now)
    ticket = state.ticket(message.data.number)
    if ticket is None:
        return Decision(answer=answers.unknown_ticket(message.data.number))
    # What stayed behind when their account became one with another is theirs to look at.
    looks_back = message.type in VIEWS and ticket.person == asking.requester.account
    if ticket.person != asking.person and not looks_back:
        return Decision(answer=answers.not_yours())
    match message.type:
        case "ticket.reply":
            return _written(state, message, asking, now, lambda: reply(state, message, asking, ticket, now))
        case "ticket.accept_solution":
            return accept_solution(message, ticket, now)
        case "ticket.edit":
            return edit(state, message, ticket, now)
        case "ticket.change_agent":
            return change_agent(state, message, ticket, now)
        case "ticket.answer_consent":
            return answer_consent(message, ticket, now)
        case "ticket.escalate":
            return escalate(state, message, ticket, now)
        case "ticket.view":
            return view_own(state, message, ticket)
        case "attachment.download":
            return download(state, message, ticket)
    raise ValueError(f"{message.type} is no command of a requester")


def _written(
    state: State, message: Message[Any], asking: Caller, now: datetime, write: Callable[[], Decision]
) -> Decision:
    """What a requester writes counts, and so much is too much."""
    before = limits.written(state, asking.person, now)
    refused = limits.of_requester(state, before)
    if refused is not None:
        return Decision(answer=refused)
    return limits.counting(state, asking, write(), before, message.data.automatic)


def _of_agent(state: State, message: Message[Any], now: datetime) -> Decision:
    data = message.data
    if message.sender != f"agent.{data.agent_id}":
        return Decision(answer=answers.not_that_agent())
    if not state.is_of_staff(data.agent_id):
        return Decision(answer=answers.not_of_staff(data.agent_id))
    if message.type == "ticket.list":
        return list_of_agent(state, message)
    if message.type == "requester.block":
        return blocking.block(state, message, now)
    if message.type == "requester.unblock":
        return blocking.unblock(state, message, now)
    number = data.number
    if number is None:
        return Decision(answer=answers.invalid({"number": ["Name the case that the file is for."]}))
    if message.type in JOINING:
        joined = numbers_joined(message)
        if joined is None:
            return Decision(answer=answers.invalid({"to_number": ["Name the other case."]}))
        number = joined[0]
    ticket = state.ticket(number)
    if ticket is None:
        return Decision(answer=answers.unknown_ticket(number))
    has_it = ticket.agent is not None and ticket.agent.id == data.agent_id
    if message.type in VIEWS:
        holder = state.final(ticket).agent  # what was merged into theirs is for them to answer
        if holder is not None and holder.id == data.agent_id:
            return _of_that_agent(state, message, holder, ticket, now)
    if message.type in SUPERVISING or (message.type in SUPERVISED and not has_it):
        if not state.may_supervise(data.agent_id, ticket):
            refused = answers.not_supervised() if message.type in SUPERVISING else answers.not_with_you()
            return Decision(answer=refused)
        return _of_supervisor(state, message, ticket, now)
    if message.type in FOR_WHO_MAY_HAVE_IT and not has_it:
        return _of_agent_who_may_have_it(state, message, ticket, now)
    if ticket.agent is None or not has_it:
        return Decision(answer=answers.not_with_you())
    return _of_that_agent(state, message, ticket.agent, ticket, now)


def _of_supervisor(state: State, message: Message[Any], ticket: Ticket, now: datetime) -> Decision:
    """A supervisor of the team that has the ticket or could have it; its agent hears what they do."""
    supervisor = state.member_as_agent(message.data.agent_id)
    decision = _of_that_agent(state, message, supervisor, ticket, now)
    if ticket.agent in (None, supervisor) or not decision.said or _is_told(decision, ticket):
        return decision
    event = decision.said[0].type
    return telling_agent(decision, ticket.agent, "ticket.closed" if event == moves.MERGE.event else event)


def _is_told(decision: Decision, ticket: Ticket) -> bool:
    """Whether the ticket's agent hears of it already. (They may hear of another one that it was merged into.)"""
    door = f"agent.{ticket.agent.id}." if ticket.agent is not None else ""
    return any(say.routing_key.startswith(door) and say.subject == ticket.number for say in decision.said)


def _of_agent_who_may_have_it(state: State, message: Message[Any], ticket: Ticket, now: datetime) -> Decision:
    known = state.agents.get(message.data.agent_id)
    if state.may_supervise(message.data.agent_id, ticket):
        return _of_supervisor(state, message, ticket, now)
    if known is None:  # they may have signed on just now
        return Decision(answer=answers.not_for_you(), waits=NEWS_WITHIN)
    if not state.may_have(known, ticket):
        return Decision(answer=answers.not_for_you())
    return _of_that_agent(state, message, known.as_agent, ticket, now)


def _of_that_agent(state: State, message: Message[Any], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """Who may do it is known, and stands in `agent`."""
    if getattr(message.data, "expected_version", None) not in (None, ticket.version):
        return Decision(answer=answers.conflict(ticket, f"The case is at version {ticket.version} now."))
    match message.type:
        case "ticket.view":
            return view_as_agent(state, message, ticket)
        case "attachment.upload":
            return upload(state, message)
        case "attachment.download":
            return download(state, message, ticket, visible=frozenset({"public", "internal"}))
        case "ticket.start_work":
            return start_work(message, agent, ticket, now)
        case "ticket.ask_info":
            return ask_info(state, message, agent, ticket, now)
        case "ticket.suggest_solution":
            return suggest_solution(state, message, agent, ticket, now)
        case "ticket.add_note":
            return add_note(state, message, agent, ticket, now)
        case "ticket.ask_consent":
            return ask_consent(message, agent, ticket, now)
        case "ticket.reclassify":
            return reclassify(state, message, agent, ticket, now)
        case "ticket.transfer":
            return transfer(state, message, agent, ticket, now)
        case "ticket.link":
            return link(state, message, agent, ticket, now)
        case "ticket.merge_into":
            return merge(state, message, agent, ticket, now)
        case "ticket.close":
            return close(message, agent, ticket, now)
        case "ticket.assign_to":
            return assign_to(state, message, agent, ticket, now)
        case "ticket.take_away":
            return take_away(message, agent, ticket, now)
        case "ticket.reopen":
            return reopen(state, message, agent, ticket, now)
        case "ticket.release":
            return release(state, message, agent, ticket, now)
        case "ticket.redact":
            return redact(state, message, agent, ticket, now)
    raise ValueError(f"{message.type} is no command of an agent")
