"""Deliveries and contacts in MongoDB, and the mails of a turn, sent before it is decided.

The only pymongo of notifications; it decides nothing. Shard keys: contacts by requester, deliveries by their id, both
hashed. See docs/notifications.md.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Protocol

from pymongo import ASCENDING, IndexModel
from pymongo.database import Database

from services.chassis.decision import Message
from services.chassis.unit_of_work import Document, Write, conditional_writes
from services.notifications.domain import Contact, Delivery, Outcome, View, Wording, owed
from services.notifications.mailer import Mail

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    # By _id alone a delivery is found and its being the only one enforced; by status operators look for failed ones.
    "deliveries": [
        IndexModel([("status", ASCENDING), ("created_at", ASCENDING)]),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
    ],
    # Found by _id alone; naming it creates the collection, which has to be there before the first transaction.
    "contacts": [IndexModel([("_id", ASCENDING)])],
}

OUTCOMES_KEPT = 10_000
"""Outcomes of mails in memory: a turn that has to start over must not send its mails again."""


class SendsMail(Protocol):
    """What the repository needs of a mailer."""

    def send(self, mails: Sequence[Mail]) -> dict[str, Outcome]:
        """Try each mail once; the outcome of each by its id."""


@dataclass(slots=True)
class LoadedView(View):
    """A view that remembers what was loaded."""

    contacts_before: dict[str, Contact] = field(default_factory=dict)
    deliveries_before: dict[str, Delivery] = field(default_factory=dict)


class Repository:
    """Loads and stores what a turn of notifications touches."""

    def __init__(
        self, database: Database[Document], wording: Wording, mailer: SendsMail, give_up_after: timedelta
    ) -> None:
        self.db = database
        self._wording = wording
        self._mailer = mailer
        self._give_up_after = give_up_after
        self._outcomes: OrderedDict[tuple[str, int], Outcome] = OrderedDict()

    def prepare(self, messages: Sequence[Message], now: datetime) -> Collection[str]:  # noqa: ARG002 - chassis's signature
        """Send the mails that are due in this turn; puts nothing off. Their outcomes are kept, so that none is sent
        again by a retry."""
        due = {(message.subject or "", message.data["attempt"]) for message in messages if sends_mail(message)}
        due -= set(self._outcomes)
        deliveries = self._deliveries({id_ for id_, _ in due})
        pending = [one for one in deliveries.values() if one.status == "pending" and (one.id, one.attempts + 1) in due]
        contacts = self._contacts({one.recipient for one in pending})
        mails = [
            Mail(one.id, contact.email, one.number, one.title, one.text, one.created_at)
            for one in pending
            if (contact := contacts.get(one.recipient)) and contact.email
        ]
        for id_, outcome in (self._mailer.send(mails) if mails else {}).items():
            self._outcomes[id_, deliveries[id_].attempts + 1] = outcome
        while len(self._outcomes) > OUTCOMES_KEPT:
            self._outcomes.popitem(last=False)
        return ()

    def load(self, messages: Sequence[Message], now: datetime) -> LoadedView:  # noqa: ARG002 - the chassis's signature
        """The deliveries that these messages call for or are about, and the contacts of their requesters."""
        requesters: set[str] = set()
        changed: set[str] = set()
        wanted: set[str] = set()
        for message in messages:
            if message.type == "account.contact_changed":
                changed.add(message.data["account_id"])
            elif message.type.startswith("timer."):
                wanted.add(message.subject or "")
            else:
                calls_for = owed(message)
                wanted.update(one.id for one in calls_for)
                requesters.update(one.recipient for one in calls_for if one.channel == "email")
        deliveries = self._deliveries(wanted)
        mailed_to = {one.recipient for one in deliveries.values() if one.channel == "email"}
        contacts = self._contacts(requesters | changed | mailed_to)
        awaiting = {id_ for account in changed & set(contacts) for id_ in contacts[account].awaited_by}
        deliveries |= self._deliveries(awaiting - set(deliveries))
        return LoadedView(
            self._wording,
            self._give_up_after,
            dict(contacts),
            dict(deliveries),
            self._outcomes,
            contacts_before=contacts,
            deliveries_before=deliveries,
        )

    def writes(self, view: LoadedView) -> list[Write]:
        """What the turn changed, each conditional on the version that was loaded."""
        return [
            *conditional_writes("contacts", view.contacts_before, view.contacts, _to_document),
            *conditional_writes("deliveries", view.deliveries_before, view.deliveries, _to_document),
        ]

    def _deliveries(self, ids: Collection[str]) -> dict[str, Delivery]:
        return {row["_id"]: Delivery(**_values(row)) for row in self._found("deliveries", ids)}

    def _contacts(self, ids: Collection[str]) -> dict[str, Contact]:
        return {row["_id"]: Contact(**_values(row)) for row in self._found("contacts", ids)}

    def _found(self, collection: str, ids: Collection[str]) -> list[Document]:
        if not ids:
            return []
        return list(self.db[collection].find({"_id": {"$in": list(ids)}}))


def sends_mail(message: Message) -> bool:
    """Whether it is the timer of a mail, which may take long to send."""
    return message.type == "timer.send"


def _to_document(value: Contact | Delivery) -> Document:
    """The fields that are not empty, the id as `_id`."""
    document = {one.name: getattr(value, one.name) for one in fields(value)}
    return {"_id": document.pop("id")} | {name: held for name, held in document.items() if held not in (None, "", ())}


def _values(row: Document) -> dict[str, Any]:
    return {
        "id" if name == "_id" else name: tuple(held) if isinstance(held, list) else held for name, held in row.items()
    }
