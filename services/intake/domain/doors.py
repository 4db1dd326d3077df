"""Who may give a command: each door finds out who asks and about which ticket, and lets the command in or refuses it.

The checks that all commands of a kind share are here: the requester is authenticated, not blocked, and owns the ticket;
the agent is the sender, and has the ticket, may have it, or supervises it; the ticket is at the expected version. Each
command names its door in taken.py. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

from contracts.common import NamedAccount, Requester
from contracts.names import role_of
from contracts.snapshot import TicketAgent
from contracts.values import dataclass
from services.chassis.decision import Answer, Decision, Message
from services.intake.domain import answers
from services.intake.domain.abuse import blocking
from services.intake.domain.accounts.caller import Caller, account_meant, accounts_needed, caller
from services.intake.domain.life import moves
from services.intake.domain.life.recording import telling_agent
from services.intake.domain.needs import AgentOf, Need, Needs, PersonOf, TicketOf, nothing
from services.intake.domain.state import View
from services.intake.domain.tickets.escalation import NEWS_WITHIN
from services.intake.domain.values.ticket import Ticket

P = TypeVar("P")
D_contra = TypeVar("D_contra", contravariant=True)

Rights = Literal["its agent", "its agent or a supervisor", "a supervisor", "an agent who may have it"]
"""What an agent has to be to a ticket for a command. Those who may have it may also view it and add notes; a supervisor
of the team that has it, or could have it, may do everything except answer for its agent."""


class Decide(Protocol[D_contra]):
    """Decides a message. Raises nothing: the decision's answer says what is wrong."""

    def __call__(self, view: View, message: Message[D_contra], now: datetime, /) -> Decision:
        """What the message changes and how it is answered."""


@dataclass(frozen=True, slots=True)
class Door(Generic[P]):
    """How a command comes in. `rights`: what an agent who gives it has to be to the ticket."""

    decide: Decide[P]
    needs: Needs[P] = nothing
    rights: Rights | None = None


class ByRequester(Protocol):
    """Data that may name a requester."""

    @property
    def requester(self) -> Requester | None:
        """Who asks."""


class OfATicket(Protocol):
    """Data that may name a ticket."""

    @property
    def number(self) -> str | None:
        """The ticket's number."""


class OfARequestersTicket(ByRequester, OfATicket, Protocol):
    """Data of a requester about a ticket."""


class ByAnAgent(Protocol):
    """Data that may name an agent."""

    @property
    def agent_id(self) -> str | None:
        """Who acts."""


class OfAnAgentsTicket(ByAnAgent, OfATicket, Protocol):
    """Data of an agent about a ticket."""


class OfAnAccount(ByRequester, Protocol):
    """Data that names an account, by its requester or by the operator."""

    @property
    def account(self) -> NamedAccount | None:
        """The account that the operator names."""


R = TypeVar("R", bound=ByRequester)
RT = TypeVar("RT", bound=OfARequestersTicket)
A = TypeVar("A", bound=ByAnAgent)
AT = TypeVar("AT", bound=OfAnAgentsTicket)
T = TypeVar("T", bound=OfATicket)
C = TypeVar("C", bound=OfAnAccount)


def anybody(decide: Decide[P]) -> Door[P]:
    """Anybody whose type it is to send: news, timers, the operator's commands."""
    return Door(decide)


def requester(decide: Callable[[View, Message[R], Caller, datetime], Decision]) -> Door[R]:
    """An authenticated requester who is not blocked."""

    def let_in(view: View, message: Message[R], now: datetime) -> Decision:
        asking = _asking(view, message, now)
        return Decision(answer=asking) if isinstance(asking, Answer) else decide(view, message, asking, now)

    return Door(let_in, accounts_needed)


def owner(
    decide: Callable[[View, Message[RT], Caller, Ticket, datetime], Decision], *, looks: bool = False
) -> Door[RT]:
    """The requester whose ticket it is. `looks`: also of tickets that stayed with their account when it became one
    person with another."""

    def let_in(view: View, message: Message[RT], now: datetime) -> Decision:
        asking = _asking(view, message, now)
        if isinstance(asking, Answer):
            return Decision(answer=asking)
        ticket = _ticket(view, message.data.number or "")
        if isinstance(ticket, Answer):
            return Decision(answer=ticket)
        if ticket.person != asking.person and not (looks and ticket.person == asking.requester.account):
            return Decision(answer=answers.not_yours())
        return decide(view, message, asking, ticket, now)

    def needs(known: View, message: Message[RT]) -> Iterable[Need]:
        yield from accounts_needed(known, message)
        yield from _ticket_needed(known, message)

    return Door(let_in, needs)


def account(decide: Callable[[View, Message[C], str, datetime], Decision], *, kept: bool = True) -> Door[C]:
    """The account's owner, for whom a channel speaks; or the operator, who names it. `decide` gets its key. `kept`:
    refuse the operator where the desk keeps nothing of the account."""

    def let_in(view: View, message: Message[C], now: datetime) -> Decision:
        named = message.data.account
        if named is None:
            asking = _asking(view, message, now)
            if isinstance(asking, Answer):
                return Decision(answer=asking)
            return decide(view, message, asking.requester.account, now)
        if role_of(message.sender) != "operator":
            return Decision(answer=answers.no_operator())
        key = account_meant(named)
        if kept and key not in view.persons:
            return Decision(answer=answers.invalid({"account": ["The desk keeps nothing about this account."]}))
        return decide(view, message, key, now)

    def needs(known: View, message: Message[C]) -> Iterable[Need]:
        named = message.data.account
        if named is None:
            yield from accounts_needed(known, message)
        elif kept:
            yield PersonOf(account_meant(named))

    return Door(let_in, needs)


def moderator(decide: Callable[[View, Message[T], None, Ticket, datetime], Decision]) -> Door[T]:
    """A moderator of the community, whom a channel names."""

    def let_in(view: View, message: Message[T], now: datetime) -> Decision:
        if role_of(message.sender) != "channel":
            return Decision(answer=answers.no_channel())
        ticket = _ticket(view, message.data.number or "")
        return Decision(answer=ticket) if isinstance(ticket, Answer) else decide(view, message, None, ticket, now)

    return Door(let_in, _ticket_needed)


def service(decide: Callable[[View, Message[T], Ticket, datetime], Decision]) -> Door[T]:
    """A service of the desk, about a ticket."""

    def let_in(view: View, message: Message[T], now: datetime) -> Decision:
        ticket = _ticket(view, message.data.number or "")
        return Decision(answer=ticket) if isinstance(ticket, Answer) else decide(view, message, ticket, now)

    return Door(let_in, _ticket_needed)


def staff(decide: Decide[A]) -> Door[A]:
    """Somebody who works at the desk, in their own name."""

    def let_in(view: View, message: Message[A], now: datetime) -> Decision:
        refused = _not_of_staff(view, message)
        return Decision(answer=refused) if refused is not None else decide(view, message, now)

    return Door(let_in)


def agent(
    decide: Callable[[View, Message[AT], TicketAgent, Ticket, datetime], Decision],
    rights: Rights = "its agent",
    *,
    looks: bool = False,
    number_of: Callable[[Message[AT]], str | Answer] | None = None,
) -> Door[AT]:
    """An agent who has these `rights` to the ticket; `decide` gets the agent as tickets show them. `looks`: they may
    also view what was merged into a ticket of theirs. `number_of`: the number of the ticket, where the data's `number`
    is not enough."""

    def let_in(view: View, message: Message[AT], now: datetime) -> Decision:
        data = message.data
        refused = _not_of_staff(view, message)
        if refused is not None:
            return Decision(answer=refused)
        number = _number(message) if number_of is None else number_of(message)
        ticket = number if isinstance(number, Answer) else _ticket(view, number)
        if isinstance(ticket, Answer):
            return Decision(answer=ticket)

        def act(by: TicketAgent) -> Decision:
            if getattr(data, "expected_version", None) not in (None, ticket.version):
                return Decision(answer=answers.conflict(ticket, f"The case is at version {ticket.version} now."))
            return decide(view, message, by, ticket, now)

        id_ = data.agent_id or ""
        for holder in (ticket.agent, view.final(ticket).agent if looks else None):
            if holder is not None and holder.id == id_ and rights != "a supervisor":
                return act(holder)
        if rights != "its agent" and view.may_supervise(id_, ticket):
            return _supervised(act(view.member_as_agent(id_)), ticket, id_)
        match rights:
            case "a supervisor":
                return Decision(answer=answers.not_supervised())
            case "an agent who may have it":
                known = view.agents.get(id_)
                if known is not None and view.may_have(known, ticket):
                    return act(known.as_agent)
                # They may have signed on just now.
                return Decision(answer=answers.not_for_you(), waits=NEWS_WITHIN if known is None else None)
        return Decision(answer=answers.not_with_you())

    def needs(known: View, message: Message[AT]) -> Iterable[Need]:
        number = message.data.number if number_of is None else number_of(message)
        if number is None or isinstance(number, Answer):
            return
        yield TicketOf(number)
        ticket, id_ = known.ticket(number), message.data.agent_id
        has_it = ticket is not None and ticket.agent is not None and ticket.agent.id == id_
        if rights != "its agent" and ticket is not None and id_ is not None and not has_it:
            yield AgentOf(id_)

    return Door(let_in, needs, rights)


def either(first: Callable[[P], bool], then: Door[P], otherwise: Door[P]) -> Door[P]:
    """Two doors for one type: `then` if `first` is true of the data, else `otherwise`."""

    def let_in(view: View, message: Message[P], now: datetime) -> Decision:
        door = then if first(message.data) else otherwise
        return door.decide(view, message, now)

    def needs(known: View, message: Message[P]) -> Iterable[Need]:
        door = then if first(message.data) else otherwise
        return door.needs(known, message)

    return Door(let_in, needs, then.rights or otherwise.rights)


def _asking(view: View, message: Message[ByRequester], now: datetime) -> Caller | Answer:
    named = message.data.requester
    if named is None or role_of(message.sender) != "channel":  # agents authenticate nobody
        return answers.no_channel()
    asking = caller(view, named)
    if isinstance(asking, Answer):
        return asking
    return blocking.refusal(view, message, asking, now) or asking


def _not_of_staff(view: View, message: Message[ByAnAgent]) -> Answer | None:
    id_ = message.data.agent_id
    if id_ is None or message.sender != f"agent.{id_}":
        return answers.not_that_agent()
    return None if view.is_of_staff(id_) else answers.not_of_staff(id_)


def _ticket_needed(_known: View, message: Message[OfATicket]) -> Iterable[Need]:
    if message.data.number is not None:
        yield TicketOf(message.data.number)


def _number(message: Message[OfATicket]) -> str | Answer:
    number = message.data.number
    return answers.invalid({"number": ["Name the case that the file is for."]}) if number is None else number


def _ticket(view: View, number: str) -> Ticket | Answer:
    return view.ticket(number) or answers.unknown_ticket(number)


def _supervised(decision: Decision, ticket: Ticket, by: str) -> Decision:
    """Tell the ticket's agent what a supervisor did to it."""
    has_it = ticket.agent
    if has_it is None or has_it.id == by or not decision.said or _is_told(decision, has_it, ticket):
        return decision
    event = decision.said[0].type
    return telling_agent(decision, has_it, "ticket.closed" if event == moves.MERGE.event else event)


def _is_told(decision: Decision, agent: TicketAgent, ticket: Ticket) -> bool:
    """Whether the agent hears of this ticket already. (They may hear of another, into which it was merged.)"""
    door = f"agent.{agent.id}."
    return any(say.routing_key.startswith(door) and say.subject == ticket.number for say in decision.said)
