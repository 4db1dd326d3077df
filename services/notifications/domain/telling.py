"""Who is told what: which event tells whom, of which kind, by which channel, once. Pure.

What becomes of a mail or a webhook's request afterwards is attempts.py. See docs/notifications.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from contracts.common import MAX_BODY
from contracts.envelope import Event, serialise
from contracts.topology import AGENTS, CHANNELS
from contracts.values import dataclass
from services.chassis.decision import Arm, Data, Decision, Message, Say, derived_id
from services.notifications.domain.addresses import await_address
from services.notifications.domain.attempts import announce_sent, to_send
from services.notifications.domain.forgetting import forget_entry, forget_ticket, is_forgotten
from services.notifications.domain.preferences import is_wanted, languages
from services.notifications.domain.state import (
    KEPT,
    MANAGER,
    AgentKind,
    Channel,
    Contact,
    Delivery,
    Facts,
    Kind,
    Policy,
    RequesterKind,
    Text,
    View,
    person_of,
)

TO_REQUESTER: Mapping[str, RequesterKind] = {
    "ticket.opened": "receipt",
    "ticket.assigned": "assigned",
    "ticket.info_requested": "info_requested",
    "ticket.solution_suggested": "solution_suggested",
    "sla.closing_soon": "reminder",
    "ticket.closed": "closed",
    "ticket.merged": "closed",
    "ticket.reopened": "reopened",
    "ticket.escalated": "escalated",
    "ticket.consent_requested": "consent_requested",
}
TO_AGENT: Mapping[str, AgentKind] = {
    "ticket.assigned": "assigned_to_agent",
    "ticket.customer_replied": "replied",
    "ticket.note_added": "replied",
    "ticket.reopened": "replied",
    "ticket.escalated": "escalated_to_agent",
    "ticket.consent_answered": "consent_answered",
    "sla.warning": "warning",
    "sla.breached": "breach",
}
QUOTED = frozenset(
    {
        "ticket.info_requested",
        "ticket.solution_suggested",
        "ticket.consent_requested",
        "ticket.customer_replied",
        "ticket.note_added",
        "ticket.reopened",
        "ticket.escalated",
    }
)
"""Events whose entry may be shown; the entry of no other ever is, and none that is internal."""

WRITTEN: frozenset[RequesterKind] = frozenset({"info_requested", "solution_suggested", "consent_requested"})
"""What an agent wrote: it goes to the requester even if their ticket was filed by a machine, to which the desk says
nothing by itself."""

FOR_WEBHOOKS = tuple(dict.fromkeys(TO_REQUESTER.get(type_) or TO_AGENT[type_] for type_ in (*TO_REQUESTER, *TO_AGENT)))
"""Kinds that a webhook may ask for. It gets each event once: under the requester's kind if there are two."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A delivery that an event calls for."""

    id: str
    kind: Kind
    recipient: str
    channel: Channel
    person: str = ""
    """Whose preferences count; empty where nobody's do."""


def owed(event: Message[Any], policy: Policy) -> tuple[Owed, ...]:
    """The deliveries that an event calls for: one for each recipient and channel, whatever is known of addresses and
    preferences."""
    ticket = event.data["ticket"]
    to_requester, to_agent = _kinds(event)
    found: list[Owed] = []
    if to_requester and (to_requester in WRITTEN or not ticket.get("automatic")):
        requester = ticket["requester"]
        person = person_of(requester["kind"], requester["id"])
        found += [_owed(event, to_requester, requester["id"], channel, person) for channel in ("channel", "email")]
    if to_agent:
        having = [ticket["agent"]["id"]] if ticket["agent"] else []
        agents = event.data.get("supervisors") or having
        found += [_owed(event, to_agent, agent_id, "agent") for agent_id in agents]
    if event.type == "ticket.escalated" and policy.has_manager:
        # A requester may have any id; with the kind in it, this is nobody else's.
        id_ = derived_id(event.id, MANAGER, "email", "escalated_to_manager")
        found.append(Owed(id_, "escalated_to_manager", MANAGER, "email"))
    kind = to_requester or to_agent
    found += [_owed(event, kind, name, "webhook") for name, kinds in policy.webhooks.items() if kind and kind in kinds]
    return tuple(found)


def _kinds(event: Message[Any]) -> tuple[RequesterKind | None, AgentKind | None]:
    """What the event is to the requester and to the agent."""
    if event.type == "ticket.note_added" and not _is_news(event.data.get("entry")):
        return None, None
    if event.type == "ticket.transferred":
        # To an agent by name: there will be no other event of their getting it.
        return ("assigned", "assigned_to_agent") if event.data["ticket"]["agent"] else (None, None)
    if event.type == "ticket.reopened" and _is_the_desks(event.data.get("entry")):
        return "reopened", "assigned_to_agent"  # the requester has written nothing
    return TO_REQUESTER.get(event.type), TO_AGENT.get(event.type)


def _is_news(entry: Data | None) -> bool:
    """Whether a note is one for the agent to answer: the requester's own, and no machine's."""
    return entry is not None and entry["author"]["kind"] == "requester" and not entry.get("automatic")


def _is_the_desks(entry: Data | None) -> bool:
    return entry is not None and entry["author"]["kind"] == "agent"


def _owed(event: Message[Any], kind: Kind, recipient: str, channel: Channel, person: str = "") -> Owed:
    return Owed(derived_id(event.id, recipient, channel), kind, recipient, channel, person)


def tell(view: View, event: Message[Any], now: datetime) -> Decision:
    """Tell each recipient by each channel, unless that was done or is not wanted: redelivered and late events come
    here too."""
    if is_forgotten(view, event.data["ticket"]):
        return forget_ticket(view, event.data["ticket"], now)
    if event.type == "ticket.redacted":
        return forget_entry(view, event.data, now)
    missing = [
        one
        for one in owed(event, view.policy)
        if one.id not in view.deliveries and is_wanted(view.preferences.get(one.person), one.kind, one.channel)
    ]
    if not missing:
        return Decision(remember=False)
    ticket, facts = event.data["ticket"], facts_of(event)
    entry = (event.data.get("entry") or {}).get("id", "")
    changes: list[Contact | Delivery] = []
    said: list[Say] = []
    timers: list[Arm] = []
    texts: dict[tuple[Kind, tuple[str, ...]], Text] = {}
    for one in missing:
        spoken = languages(view.preferences.get(one.person), ticket["language"]) if one.person else ()
        text = texts.get((one.kind, spoken)) or view.wording.render(one.kind, facts, spoken)
        texts[one.kind, spoken] = text
        delivery = Delivery(
            one.id, event.id, one.kind, ticket["number"], one.recipient, one.channel, "pending", now,
            contact_version=(ticket["contact_version"] or 0) if one.person else 0, person=one.person, entry=entry,
        )  # fmt: skip
        if one.channel in ("channel", "agent"):
            shown = replace(delivery, status="sent", attempts=1, expires_at=now + KEPT)
            changes.append(shown)
            said += [_shown(shown, text, ticket), announce_sent(shown)]
            continue
        if one.channel == "webhook":
            delivery = replace(delivery, text=_request_body(delivery, event, text, now))
        else:
            delivery = replace(delivery, title=text.title, text=text.text)
        if one.person:
            held, contact, timer = _mail_to_requester(view, delivery, now)
            changes += [change for change in (held, contact) if change]
            timers += [timer] if timer else []
        else:
            delivery, arm = to_send(delivery, now)
            changes.append(delivery)
            timers.append(arm)
    return Decision(changes, said, timers=timers)


def _shown(delivery: Delivery, text: Text, ticket: Data) -> Say:
    exchange, door = (
        (AGENTS, f"agent.{delivery.recipient}") if delivery.channel == "agent" else (CHANNELS, ticket["channel"])
    )
    data = {
        "requester": ticket["requester"],
        "number": delivery.number,
        "kind": delivery.kind,
        "title": text.title,
        "text": text.text,
    }
    return Say(exchange, f"{door}.notification.message", "notification.message", data, delivery.number, delivery.id)


def _mail_to_requester(view: View, mail: Delivery, now: datetime) -> tuple[Delivery | None, Contact | None, Arm | None]:
    """The mail to send now; or to hold, with the contact that it waits for; or nothing, where there is no address."""
    contact = view.contacts.get(mail.person, Contact(mail.person, version=0))
    if contact.contact_version < mail.contact_version:
        return await_address(contact, mail, now)
    if contact.email is None:
        return None, None, None
    mail, timer = to_send(mail, now)
    return mail, None, timer


def _request_body(delivery: Delivery, event: Message[Any], text: Text, now: datetime) -> str:
    """What a webhook is sent: a CloudEvent with what happened, the ticket as it stands, and words for a person."""
    data = {"kind": delivery.kind, "title": text.title, "text": text.text, "ticket": event.data["ticket"]}
    told = Event(delivery.id, event.type, "/services/notifications", now, data, delivery.number, causationid=event.id)
    return serialise(told).decode()


def facts_of(event: Message[Any]) -> Facts:
    """What may be said of an event about a ticket."""
    ticket, entry = event.data["ticket"], event.data.get("entry") or {}
    quoted = entry.get("text") if event.type in QUOTED and entry.get("visibility") != "internal" else ""
    return Facts(
        number=ticket["number"],
        subject=one_line(ticket["subject"]),
        category=ticket["category"],
        priority=ticket["priority"],
        requester=one_line(ticket["requester"]["display_name"] or ""),
        agent=one_line(ticket["agent"]["display_name"] or "") if ticket["agent"] else "",
        message=(quoted or "")[:MAX_BODY],  # an entry may hold more; an agent's answer never does
        merged_into=ticket.get("merged_into") or "",
        moment=_moment(event.data.get("closes_at") or event.data.get("due_at")),
        granted=bool(entry.get("granted")),
    )


def one_line(text: str) -> str:
    """Text without line breaks and control characters: a title, a name, a header."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(filter(str.isprintable, line))


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if at else ""
