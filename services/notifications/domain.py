"""Who is told what: which event tells whom, by which channel, once; and what becomes of a mail that fails.

Pure: text comes from a `Wording` (templates.py), mails are sent by the repository's mailer before `decide` hears how
that went. No preferences, languages or quiet hours yet. The page is docs/notifications.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from contracts.common import MAX_BODY
from contracts.topology import AGENTS, CHANNELS, EVENTS
from services.chassis.decision import Arm, Data, Decision, Disarm, Message, Say, derived_id

Kind = Literal["receipt", "assigned", "info_requested", "solution_suggested", "closed", "assigned_to_agent"]
Channel = Literal["channel", "agent", "email"]
"""Ways to tell a person: `notification.message` to the front-end channel or to the agent, and mail."""
Status = Literal["waiting", "pending", "sent", "failed", "skipped"]

ADDRESS_WAIT = timedelta(seconds=60)
"""How long a mail waits for the requester's address; then they are told by the channel only. Should the address come
after all, held up by an outage, the mail is not too late as long as it would still be tried."""

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)

KEPT = timedelta(days=30)
"""How long the record of a delivery that is done with is kept; one that failed is kept until an operator acts."""

TO_REQUESTER: Mapping[str, Kind] = {
    "ticket.opened": "receipt",
    "ticket.assigned": "assigned",
    "ticket.info_requested": "info_requested",
    "ticket.solution_suggested": "solution_suggested",
    "ticket.closed": "closed",
}
TO_AGENT: Mapping[str, Kind] = {"ticket.assigned": "assigned_to_agent"}
QUOTED = frozenset({"ticket.info_requested", "ticket.solution_suggested"})
"""Events whose entry is what the agent wrote to the requester; no other entry is ever shown."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a template may speak of; what the ticket does not have is empty text."""

    number: str
    subject: str
    category: str
    priority: int
    requester: str
    """Display name as at filing."""
    agent: str
    """Display name."""
    message: str
    """What the agent wrote to the requester."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a person reads: a title of one line, and plain text."""

    title: str
    text: str


class Wording(Protocol):
    """The templates of all kinds."""

    def render(self, kind: Kind, facts: Facts) -> Text:
        """The words of one notification."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A requester's e-mail address as last announced; `contact_version` 0: never yet."""

    id: str
    version: int = 1
    """Of this record, +1 with each change."""
    contact_version: int = 0
    email: str | None = None
    awaited_by: tuple[str, ...] = ()
    """Deliveries that wait for a newer address, or have waited in vain. Kept here so that a turn which adds one and a
    turn which brings the address write the same record: one of them conflicts and decides again, and no mail waits for
    what has come."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event told to one recipient by one channel. The address stands in `Contact` only."""

    id: str
    event_id: str
    kind: Kind
    number: str
    recipient: str
    """Id of the requester, or of the agent for the channel `agent`."""
    channel: Channel
    status: Status
    created_at: datetime
    version: int = 1
    attempts: int = 0
    next_attempt_at: datetime | None = None
    contact_version: int = 0
    """The address version that a mail needs."""
    title: str = ""
    text: str = ""
    """Title and text of a mail are kept until it is sent or skipped."""
    reason: str = ""
    """Why it was not sent, or not yet; never an address."""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """A delivery that an event calls for."""

    id: str
    kind: Kind
    recipient: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt to mail ended: `deferred` may be tried again, `refused` never succeeds."""

    verdict: Literal["accepted", "deferred", "refused"]
    reason: str = ""


@dataclass(slots=True)
class View:
    """What one turn knows: contacts by requester id, deliveries by id, how the mails of the turn went."""

    wording: Wording
    give_up_after: timedelta
    contacts: dict[str, Contact] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    outcomes: Mapping[tuple[str, int], Outcome] = field(default_factory=dict)
    """By delivery id and the number of the attempt, from 1."""

    def apply(self, change: Any) -> None:
        """Take in a `Contact` or a `Delivery`."""
        if isinstance(change, Contact):
            self.contacts[change.id] = change
        else:
            self.deliveries[change.id] = change


def owed(event: Message) -> tuple[Owed, ...]:
    """The deliveries that an event calls for: one for each recipient and channel, whatever is known of addresses."""
    found = []
    if kind := TO_REQUESTER.get(event.type):
        requester = event.data["ticket"]["requester"]["id"]
        found += [_owed(event, kind, requester, "channel"), _owed(event, kind, requester, "email")]
    if (kind := TO_AGENT.get(event.type)) and event.data["ticket"]["agent"]:
        found.append(_owed(event, kind, event.data["ticket"]["agent"]["id"], "agent"))
    return tuple(found)


def _owed(event: Message, kind: Kind, recipient: str, channel: Channel) -> Owed:
    return Owed(derived_id(event.id, recipient, channel), kind, recipient, channel)


def decide(view: View, message: Message, now: datetime) -> Decision:
    """What one event or timer changes and says. A ticket event that tells nobody anything is not remembered."""
    match message.type:
        case "account.contact_changed":
            return learn_address(view, message, now)
        case "timer.send":
            return record_attempt(view, message, now)
        case "timer.address_wait":
            return stop_waiting(view, message)
        case _:
            return tell(view, message, now)


def tell(view: View, event: Message, now: datetime) -> Decision:
    """Tell each recipient by each channel, unless that was done: redelivered and late events come here too."""
    missing = [one for one in owed(event) if one.id not in view.deliveries]
    if not missing:
        return Decision(remember=False)
    ticket, facts = event.data["ticket"], facts_of(event)
    words = {kind: view.wording.render(kind, facts) for kind in {one.kind for one in missing}}
    changes: list[Contact | Delivery] = []
    said: list[Say] = []
    timers: list[Arm] = []
    for one in missing:
        text = words[one.kind]
        delivery = Delivery(
            one.id, event.id, one.kind, ticket["number"], one.recipient, one.channel, "pending", now,
            contact_version=ticket["contact_version"] or 0,
        )  # fmt: skip
        if one.channel == "email":
            mail, contact, timer = _mail(view, delivery, text, now)
            changes += [change for change in (mail, contact) if change]
            timers += [timer] if timer else []
        else:
            done = replace(delivery, status="sent", attempts=1, expires_at=now + KEPT)
            changes.append(done)
            said += [_shown(done, text, ticket), _sent(done)]
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


def _mail(
    view: View, delivery: Delivery, text: Text, now: datetime
) -> tuple[Delivery | None, Contact | None, Arm | None]:
    """The mail to send now; or to hold, with the contact that it waits for; or nothing, where there is no address."""
    contact = view.contacts.get(delivery.recipient, Contact(delivery.recipient, version=0))
    mail = replace(delivery, title=text.title, text=text.text)
    if contact.contact_version < delivery.contact_version:
        awaited_by = (*contact.awaited_by, delivery.id)
        waiting = replace(mail, status="waiting")
        due = now + ADDRESS_WAIT
        return (
            waiting,
            replace(contact, version=contact.version + 1, awaited_by=awaited_by),
            Arm(_timer(waiting), due, "address_wait", waiting.id),
        )
    if contact.email is None:
        return None, None, None
    mail, timer = _to_send(mail, now)
    return mail, None, timer


def learn_address(view: View, message: Message, now: datetime) -> Decision:
    """The requester's address changed: keep the newest, and send the mails that waited for it."""
    data = message.data
    known = view.contacts.get(data["account_id"], Contact(data["account_id"], version=0))
    if data["contact_version"] <= known.contact_version:
        return Decision(remember=False)
    held = [view.deliveries[id_] for id_ in known.awaited_by if id_ in view.deliveries]
    released = [mail for mail in held if mail.contact_version <= data["contact_version"]]
    contact = replace(
        known,
        version=known.version + 1,
        contact_version=data["contact_version"],
        email=data["email"],
        awaited_by=_without(known.awaited_by, released),
    )
    released = [mail for mail in released if mail.status == "waiting" or now < mail.created_at + view.give_up_after]
    if contact.email is None:
        skipped = [_skip(mail, now) for mail in released]
        return Decision([contact, *skipped], timers=[Disarm(_timer(mail)) for mail in skipped])
    sending = [_to_send(mail, now) for mail in released]
    return Decision([contact, *(mail for mail, _ in sending)], timers=[timer for _, timer in sending])


def stop_waiting(view: View, timer: Message) -> Decision:
    """No address came in time: the requester is told by the channel only."""
    mail = view.deliveries.get(timer.subject or "")
    if mail is None or mail.status != "waiting":
        return Decision(remember=False)
    failed = _fail(mail, "address unknown")
    return Decision([failed], [_failed(failed)])


def record_attempt(view: View, timer: Message, now: datetime) -> Decision:
    """An attempt to mail was made: sent; or to be tried again later; or given up."""
    mail = view.deliveries.get(timer.subject or "")
    if mail is None or mail.status != "pending" or timer.data["attempt"] != mail.attempts + 1:
        return Decision(remember=False)
    outcome = view.outcomes.get((mail.id, mail.attempts + 1))
    contact = view.contacts.get(mail.recipient)
    if outcome is None and (contact is None or contact.email is None):
        return Decision([_skip(mail, now)])
    outcome = outcome or Outcome("deferred", "not tried")
    tried = replace(mail, attempts=mail.attempts + 1, reason=outcome.reason)
    if outcome.verdict == "accepted":
        sent = _drop_text(replace(tried, status="sent", version=mail.version + 1), now)
        return Decision([sent], [_sent(sent)])
    again = retry_at(tried, now, view.give_up_after)
    if outcome.verdict == "refused" or again is None:
        failed = _fail(tried, outcome.reason)
        return Decision([failed], [_failed(failed)])
    later, arm = _to_send(tried, again)
    return Decision([later], timers=[arm])


def pause(delivery_id: str, attempts: int) -> timedelta:
    """How long after the failed attempt number `attempts` (from 1) the next one is made.

    Doubled each time up to an hour; of that between half and all, by the delivery's id, so that mails which failed
    together do not come back together, and the same attempt always waits the same.
    """
    longest = min(FIRST_PAUSE * (1 << min(attempts - 1, 10)), LONGEST_PAUSE)
    jitter = int(derived_id(delivery_id, str(attempts))[:8], 16) / 2**32
    return longest / 2 + longest / 2 * jitter


def retry_at(mail: Delivery, now: datetime, give_up_after: timedelta) -> datetime | None:
    """When to try again, the last time at the very end of `give_up_after`; None once that is over."""
    end = mail.created_at + give_up_after
    return None if now >= end else min(now + pause(mail.id, mail.attempts), end)


def facts_of(event: Message) -> Facts:
    """What may be said of a ticket event. Of its entry only an agent's public answer, never an internal note."""
    ticket, entry = event.data["ticket"], event.data.get("entry")
    message = entry["text"] if event.type in QUOTED and entry and entry["visibility"] != "internal" else ""
    return Facts(
        number=ticket["number"],
        subject=one_line(ticket["subject"]),
        category=ticket["category"],
        priority=ticket["priority"],
        requester=one_line(ticket["requester"]["display_name"] or ""),
        agent=one_line(ticket["agent"]["display_name"] or "") if ticket["agent"] else "",
        message=(message or "")[:MAX_BODY],  # an entry may hold more; an agent's answer never does
    )


def one_line(text: str) -> str:
    """Text without line breaks and control characters: a title, a name, a header."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def _timer(mail: Delivery) -> str:
    return f"mail:{mail.id}"


def _to_send(mail: Delivery, at: datetime) -> tuple[Delivery, Arm]:
    arm = Arm(_timer(mail), at, "send", mail.id, {"attempt": mail.attempts + 1})
    return replace(mail, status="pending", version=mail.version + 1, next_attempt_at=at), arm


def _drop_text(mail: Delivery, now: datetime) -> Delivery:
    return replace(mail, title="", text="", reason="", next_attempt_at=None, expires_at=now + KEPT)


def _skip(mail: Delivery, now: datetime) -> Delivery:
    return _drop_text(replace(mail, status="skipped", version=mail.version + 1), now)


def _fail(mail: Delivery, reason: str) -> Delivery:
    return replace(mail, status="failed", version=mail.version + 1, reason=reason, next_attempt_at=None)


def _sent(delivery: Delivery) -> Say:
    return Say(EVENTS, "notification.sent", "notification.sent", _told(delivery), delivery.number)


def _failed(delivery: Delivery) -> Say:
    data = {**_told(delivery), "reason": delivery.reason}
    return Say(EVENTS, "notification.failed", "notification.failed", data, delivery.number)


def _told(delivery: Delivery) -> dict[str, Any]:
    return {
        "event_id": delivery.event_id,
        "number": delivery.number,
        "recipient": delivery.recipient,
        "kind": delivery.kind,
        "channel": delivery.channel,
    }


def _without(ids: Iterable[str], mails: Iterable[Delivery]) -> tuple[str, ...]:
    gone = {mail.id for mail in mails}
    return tuple(id_ for id_ in ids if id_ not in gone)
