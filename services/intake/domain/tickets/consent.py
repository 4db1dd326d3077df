"""May the agent log in to the requester's account? The desk asks, the requester says yes or no, and both are recorded.

Nothing proceeds on silence: consent is `asked` until it is answered. The page is docs/ticket-life.md.
"""

from __future__ import annotations

from datetime import datetime

from contracts.snapshot import EntryDetails, TicketAgent
from contracts.tickets import AgentReason, AnswerConsent
from services.chassis.decision import Decision, Message
from services.intake.domain import answers
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.life import moves
from services.intake.domain.life.recording import accepting, recorded, telling_agent
from services.intake.domain.state import View
from services.intake.domain.values.history import agent_as_author, requester_as_author
from services.intake.domain.values.ticket import Ticket


def ask_consent(_: View, message: Message[AgentReason], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.ask_consent`: ask the requester, with the reason. Asking again voids an earlier answer."""
    refused = moves.refusal(moves.ASK_CONSENT, ticket)
    if refused is not None:
        return Decision(answer=refused)
    asked = moves.moved(moves.ASK_CONSENT, ticket, now, consent="asked")
    text = message.data.reason
    return accepting(recorded(message, asked, moves.ASK_CONSENT.event, agent_as_author(agent), text, now))


def answer_consent(_: View, message: Message[AnswerConsent], __: Caller, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.answer_consent`: the requester answers, once for each question; the ticket's agent hears it."""
    refused = moves.refusal(moves.ANSWER_CONSENT, ticket)
    if refused is None and ticket.consent != "asked":
        refused = answers.wrong_status(ticket, "Nobody is asking for permission to log in to your account.")
    if refused is not None:
        return Decision(answer=refused)
    granted = message.data.granted
    answered = moves.moved(moves.ANSWER_CONSENT, ticket, now, consent="granted" if granted else "refused")
    author, details = requester_as_author(ticket.requester), EntryDetails(granted=granted)
    decision = recorded(message, answered, moves.ANSWER_CONSENT.event, author, "", now, details=details)
    return accepting(telling_agent(decision, ticket.agent, "ticket.consent_answered"))
