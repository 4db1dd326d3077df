"""Who is told what: which event tells whom, of which kind, by which channel, once. Pure.

attempts.py decides what becomes of a mail or a webhook's request afterwards. See docs/notifications.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from contracts.common import MAX_BODY
from contracts.envelope import Event, serialise
from contracts.names import AGENTS, CHANNELS
from contracts.notifications import Channel
from contracts.notifications import Message as Shown
from contracts.sla import ClosingSoon, Fired
from contracts.snapshot import Entry, Snapshot
from contracts.tickets import Redacted, TicketEvent
from contracts.values import dataclass
from services.chassis.decision import Arm, Decision, Message, Say, derived_id
from services.notifications.domain.addresses import await_address
from services.notifications.domain.articles import named
from services.notifications.domain.attempts import announce_sent, to_send
from services.notifications.domain.forgetting import forget_entry, forget_ticket, is_forgotten
from services.notifications.domain.needs import ArticleOf, DeliveryOf, Need, PersonOf
from services.notifications.domain.preferences import is_wanted, languages
from services.notifications.domain.state import (
    KEPT,
    MANAGER,
    Contact,
    Delivery,
    Facts,
    Kind,
    KindForAgent,
    KindForRequester,
    Policy,
    Text,
    View,
    one_line,
    person_of,
)

Told = TicketEvent | Fired | ClosingSoon
"""The events that tell somebody something: each has the ticket as it stood."""


def _has_agent(event: Told) -> bool:
    return event.ticket.agent is not None


def _is_news(event: Told) -> bool:
    """Whether a note is for the agent to answer: the requester's own, and not a machine's."""
    entry = entry_of(event)
    return entry is not None and entry.author.kind == "requester" and not entry.automatic


def _is_the_desks(event: Told) -> bool:
    entry = entry_of(event)
    return entry is not None and entry.author.kind == "agent"


@dataclass(frozen=True, slots=True)
class Tells:
    """What an event is to the requester and to the agent, if `only_if` holds. `manager`: it also tells the community
    manager. `quotes`: it may show the text of its entry, unless the entry is internal."""

    event: str
    requester: KindForRequester | None = None
    agent: KindForAgent | None = None
    manager: bool = False
    quotes: bool = False
    only_if: Callable[[Told], bool] = lambda _event: True


TELLS = (
    Tells("ticket.opened", "receipt"),
    Tells("ticket.assigned", "assigned", "assigned_to_agent"),
    # To an agent by name: no other event tells that they got it.
    Tells("ticket.transferred", "assigned", "assigned_to_agent", only_if=_has_agent),
    Tells("ticket.info_requested", "info_requested", quotes=True),
    Tells("ticket.solution_suggested", "solution_suggested", quotes=True),
    Tells("sla.closing_soon", "reminder"),
    Tells("ticket.closed", "closed"),
    Tells("ticket.merged", "closed"),
    # The requester has written nothing.
    Tells("ticket.reopened", "reopened", "assigned_to_agent", quotes=True, only_if=_is_the_desks),
    Tells("ticket.reopened", "reopened", "replied", quotes=True),
    Tells("ticket.escalated", "escalated", "escalated_to_agent", manager=True, quotes=True),
    Tells("ticket.consent_requested", "consent_requested", quotes=True),
    Tells("ticket.customer_replied", agent="replied", quotes=True),
    Tells("ticket.note_added", agent="replied", quotes=True, only_if=_is_news),
    Tells("ticket.consent_answered", agent="consent_answered"),
    Tells("sla.warning", agent="warning"),
    Tells("sla.breached", agent="breach"),
)
"""All events that tell anybody anything. If an event has two rows, the first one that holds counts."""

_BY_EVENT = {row.event: [other for other in TELLS if other.event == row.event] for row in TELLS}
_NOBODY = Tells("")

WRITTEN: frozenset[KindForRequester] = frozenset({"info_requested", "solution_suggested", "consent_requested"})
"""What an agent wrote: it goes to the requester even if a machine filed their ticket. The desk itself says nothing to a
machine."""

FOR_WEBHOOKS = tuple(dict.fromkeys(kind for row in TELLS if (kind := row.requester or row.agent) is not None))
"""Kinds that a webhook may ask for. It gets each event once: under the requester's kind if there are two."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A delivery that an event calls for."""

    id: str
    kind: Kind
    recipient: str
    channel: Channel
    person: str = ""
    """Whose preferences count; empty if nobody's do."""


def owed(event: Message[Told], policy: Policy) -> tuple[Owed, ...]:
    """The deliveries that an event calls for, one for each recipient and channel, whatever is known of addresses and
    preferences."""
    ticket, tells = event.data.ticket, _told_by(event)
    to_requester, to_agent = tells.requester, tells.agent
    found: list[Owed] = []
    if to_requester and (to_requester in WRITTEN or not ticket.automatic):
        requester = ticket.requester
        person = person_of(requester.kind, requester.id)
        found += [_owed(event, to_requester, requester.id, channel, person) for channel in ("channel", "email")]
    if to_agent:
        having = [ticket.agent.id] if ticket.agent else []
        agents = _supervisors(event.data) or having
        found += [_owed(event, to_agent, agent_id, "agent") for agent_id in agents]
    if tells.manager and policy.has_manager:
        # A requester may have any id; with the kind in it, this is nobody else's.
        id_ = derived_id(event.id, MANAGER, "email", "escalated_to_manager")
        found.append(Owed(id_, "escalated_to_manager", MANAGER, "email"))
    kind = to_requester or to_agent
    found += [_owed(event, kind, name, "webhook") for name, kinds in policy.webhooks.items() if kind and kind in kinds]
    return tuple(found)


def _told_by(event: Message[Told]) -> Tells:
    return next((row for row in _BY_EVENT.get(event.type, ()) if row.only_if(event.data)), _NOBODY)


def entry_of(event: Told) -> Entry | None:
    """The entry that the ticket's history got; sla's events have none."""
    return event.entry if isinstance(event, TicketEvent) else None


def _supervisors(event: Told) -> Sequence[str]:
    return event.supervisors if isinstance(event, Fired) else ()


def _moment_of(event: Told) -> datetime | None:
    """When the ticket closes, or when it should be answered."""
    if isinstance(event, ClosingSoon):
        return event.closes_at
    return event.due_at if isinstance(event, Fired) else None


def _owed(event: Message[Told], kind: Kind, recipient: str, channel: Channel, person: str = "") -> Owed:
    return Owed(derived_id(event.id, recipient, channel), kind, recipient, channel, person)


def telling_needed(view: View, event: Message[Told]) -> list[Need]:
    """The deliveries that the event calls for, and its requester."""
    requester = event.data.ticket.requester
    person = PersonOf(person_of(requester.kind, requester.id))
    deliveries = (DeliveryOf(delivery.id) for delivery in owed(event, view.policy))
    return [person, *deliveries, *map(ArticleOf, _suggested(event))]


def tell(view: View, event: Message[Told], now: datetime) -> Decision:
    """Tell each recipient by each channel, unless that was done or is not wanted: redelivered and late events come here
    too."""
    if is_forgotten(view, event.data.ticket):
        return forget_ticket(view, event.data.ticket, now)
    if isinstance(event.data, Redacted):
        return forget_entry(view, event.data, now)
    missing = [
        delivery
        for delivery in owed(event, view.policy)
        if delivery.id not in view.deliveries
        and is_wanted(view.preferences.get(delivery.person), delivery.kind, delivery.channel)
    ]
    if not missing:
        return Decision(remember=False)
    ticket, facts, entry = event.data.ticket, facts_of(event), entry_of(event.data)
    requester = person_of(ticket.requester.kind, ticket.requester.id)
    changes: list[Contact | Delivery] = []
    said: list[Say] = []
    timers: list[Arm] = []
    texts: dict[tuple[Kind, tuple[str, ...]], Text] = {}
    for wanted in missing:
        spoken = languages(view.preferences.get(wanted.person), ticket.language) if wanted.person else ()
        text = texts.get((wanted.kind, spoken)) or _worded(view, event, wanted.kind, facts, spoken)
        texts[wanted.kind, spoken] = text
        delivery = Delivery(
            wanted.id, event.id, wanted.kind, ticket.number, wanted.recipient, wanted.channel, "pending", now,
            contact_version=ticket.contact_version if wanted.person else 0, person=wanted.person,
            entry=entry.id if entry else "",
        )  # fmt: skip
        if wanted.channel in ("channel", "agent"):
            shown = replace(delivery, status="sent", attempts=1, expires_at=now + KEPT)
            changes.append(shown)
            said += [_shown(shown, text, ticket), announce_sent(shown)]
            continue
        delivery = replace(delivery, requester=requester, opened_at=ticket.opened_at)
        if wanted.channel == "webhook":
            delivery = replace(delivery, text=_request_body(delivery, event, text, now))
        else:
            delivery = replace(delivery, title=text.title, text=text.text)
        if wanted.person:
            held, contact, timer = _mail_to_requester(view, delivery, now)
            changes += [change for change in (held, contact) if change]
            timers += [timer] if timer else []
        else:
            delivery, arm = to_send(delivery, now)
            changes.append(delivery)
            timers.append(arm)
    return Decision(changes, said, timers=timers)


def _worded(view: View, event: Message[Told], kind: Kind, facts: Facts, languages: Sequence[str]) -> Text:
    """The words of a notification, with the articles that it names in the same languages."""
    articles = _suggested(event)
    if articles:
        facts = replace(facts, articles=named(view, articles, languages))
    return view.wording.render(kind, facts, languages)


def _suggested(event: Message[Told]) -> Sequence[str]:
    """Ids of the articles that an agent gave with a suggestion. Any text may be among them."""
    entry = entry_of(event.data)
    return () if entry is None or entry.visibility == "internal" else entry.articles


def _shown(delivery: Delivery, text: Text, ticket: Snapshot) -> Say:
    exchange, door = (
        (AGENTS, f"agent.{delivery.recipient}") if delivery.channel == "agent" else (CHANNELS, ticket.channel)
    )
    data = Shown(
        requester=ticket.requester, number=delivery.number, kind=delivery.kind, title=text.title, text=text.text
    )
    return Say(exchange, f"{door}.notification.message", "notification.message", data, delivery.number, delivery.id)


def _mail_to_requester(view: View, mail: Delivery, now: datetime) -> tuple[Delivery | None, Contact | None, Arm | None]:
    """The mail to send now; or the mail to hold, with the contact that it waits for; or nothing, if there is no
    address."""
    contact = view.contacts.get(mail.person, Contact(mail.person, version=0))
    if contact.contact_version < mail.contact_version:
        return await_address(contact, mail, now)
    if contact.email is None:
        return None, None, None
    mail, timer = to_send(mail, now)
    return mail, None, timer


def _request_body(delivery: Delivery, event: Message[Told], text: Text, now: datetime) -> str:
    """What a webhook is sent: a CloudEvent with what happened, the ticket as it stands, and words for a person."""
    data = {"kind": delivery.kind, "title": text.title, "text": text.text, "ticket": event.data.ticket}
    told = Event(delivery.id, event.type, "/services/notifications", now, data, delivery.number, causationid=event.id)
    return serialise(told).decode()


def facts_of(event: Message[Told]) -> Facts:
    """What may be said of an event about a ticket."""
    ticket, entry = event.data.ticket, entry_of(event.data)
    quoted = entry.text if entry and _told_by(event).quotes and entry.visibility != "internal" else ""
    return Facts(
        number=ticket.number,
        subject=one_line(ticket.subject),
        category=ticket.category,
        priority=ticket.priority,
        requester=one_line(ticket.requester.display_name),
        agent=one_line(ticket.agent.display_name) if ticket.agent else "",
        message=(quoted or "")[:MAX_BODY],  # an entry may hold more; an agent's answer never does
        merged_into=ticket.merged_into or "",
        moment=_moment(_moment_of(event.data)),
        granted=bool(entry and entry.granted),
    )


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if at else ""
