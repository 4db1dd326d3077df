"""Requesters' addresses: the newest counts, a mail waits for the address that it needs, and a code goes only to the
address that it is for. Pure. See docs/notifications.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from contracts.accounts import ContactChanged
from services.chassis.decision import Arm, Decision, Disarm, Message, Timer, derived_id
from services.notifications.domain.attempts import announce_failed, timer_of, to_send
from services.notifications.domain.needs import DeliveryOf, FailedOf, Need, PersonOf
from services.notifications.domain.preferences import languages
from services.notifications.domain.state import Contact, Delivery, Facts, View, done, failed, person_of

ADDRESS_WAIT = timedelta(seconds=60)
"""How long a mail waits for the requester's address; then only the channel tells them. If the address comes after all,
held up by an outage, the mail is not too late as long as it would still be tried."""

WAITS = "waits"
"""The lane of what waits for no server."""


class AddressWaitTimer(Timer):
    """Ends a wait for an address."""

    kind = "address_wait"


def await_address(contact: Contact, mail: Delivery, now: datetime) -> tuple[Delivery, Contact, Arm]:
    """The mail, held until the address version that it needs is known, and the contact that remembers it."""
    waiting = replace(mail, status="waiting")
    awaited_by = (*contact.awaited_by, mail.id)
    return (
        waiting,
        replace(contact, version=contact.version + 1, awaited_by=awaited_by),
        Arm(timer_of(waiting), AddressWaitTimer(due=now + ADDRESS_WAIT), waiting.id, lane=WAITS),
    )


def learning_needed(_view: View, message: Message[ContactChanged]) -> list[Need]:
    """Whose address it is, and the mail with its code; without an address also what they could not be told."""
    person = person_of(message.data.kind, message.data.account_id)
    needs: list[Need] = [PersonOf(person), DeliveryOf(code_mail_id(message))]
    return needs if message.data.email else [*needs, FailedOf(person)]


def waiting_needed(view: View, message: Message[ContactChanged]) -> list[Need]:
    """The mails that wait for the address."""
    contact = view.contacts.get(person_of(message.data.kind, message.data.account_id))
    return [] if contact is None else [DeliveryOf(id_) for id_ in contact.awaited_by]


def learn_address(view: View, message: Message[ContactChanged], now: datetime) -> Decision:
    """The requester's address changed: keep the newest, send the mails that waited for it, and mail its code."""
    data = message.data
    person = person_of(data.kind, data.account_id)
    known = view.contacts.get(person, Contact(person, version=0))
    code = _code_mail(view, message, known, now)
    if data.contact_version <= known.contact_version:
        return code or Decision(remember=False)
    held = [view.deliveries[id_] for id_ in known.awaited_by if id_ in view.deliveries]
    released = [mail for mail in held if mail.contact_version <= data.contact_version]
    contact = replace(
        known,
        version=known.version + 1,
        contact_version=data.contact_version,
        email=data.email,
        awaited_by=_without(known.awaited_by, released),
    )
    still_tried = now - view.policy.mail_give_up
    released = [
        mail
        for mail in released
        if mail.status == "waiting" or (mail.status == "failed" and (mail.tried_since or mail.created_at) > still_tried)
    ]
    if contact.email is None:
        erased = {mail.id: mail for mail in (*released, *_failed_of(view, person))}
        skipped = [done(mail, "skipped", now) for mail in erased.values()]
        return Decision([contact, *skipped], timers=[Disarm(timer_of(mail)) for mail in skipped])
    sending = [to_send(mail, now) for mail in released]
    changes = [contact, *(mail for mail, _ in sending), *(code.changes if code else ())]
    return Decision(changes, timers=[*(timer for _, timer in sending), *(code.timers if code else ())])


def _code_mail(view: View, message: Message[ContactChanged], known: Contact, now: datetime) -> Decision | None:
    """The mail with the code that confirms the address, unless it exists already or the address is an older one."""
    data = message.data
    id_ = code_mail_id(message)
    if not (data.code and data.email) or data.contact_version < known.contact_version:
        return None
    if id_ in view.deliveries:
        return None
    person = person_of(data.kind, data.account_id)
    text = view.wording.render("contact_code", Facts(code=data.code), languages(view.preferences.get(person), None))
    mail = Delivery(
        id_, message.id, "contact_code", "", data.account_id, "email", "pending", now,
        contact_version=data.contact_version, person=person, title=text.title, text=text.text,
    )  # fmt: skip
    mail, timer = to_send(mail, now)
    return Decision([mail], timers=[timer])


def code_mail_id(message: Message[ContactChanged]) -> str:
    """Id of the mail with the code of an `account.contact_changed`."""
    return derived_id(message.id, message.data.account_id, "email")


def stop_waiting(
    view: View,
    timer: Message[AddressWaitTimer],
    now: datetime,  # noqa: ARG001 - as others have it
) -> Decision:
    """No address came in time: the requester is told by the channel only."""
    mail = view.deliveries.get(timer.subject or "")
    if mail is None or mail.status != "waiting":
        return Decision(remember=False)
    given_up = failed(mail, "address unknown")
    return Decision([given_up], [announce_failed(given_up)])


def _failed_of(view: View, person: str) -> list[Delivery]:
    """What this person could not be told: when the address goes, what was kept of it goes, whether it was sent again or
    not."""
    return [mail for mail in view.deliveries.values() if mail.person == person and mail.status == "failed"]


def _without(ids: Iterable[str], mails: Iterable[Delivery]) -> tuple[str, ...]:
    gone = {mail.id for mail in mails}
    return tuple(id_ for id_ in ids if id_ not in gone)
