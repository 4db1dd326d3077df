"""Deliveries, contacts and preferences in MongoDB: what a turn reads, and what it writes.

The only pymongo of notifications; it decides nothing. Shard keys: contacts and preferences by person,
deliveries by their id, all hashed. See docs/notifications.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.database import Database

from contracts.common import Snapshot
from services.chassis.decision import Message
from services.chassis.unit_of_work import Document, Write, conditional_writes
from services.notifications.domain.addresses import code_mail_id
from services.notifications.domain.forgetting import is_forgotten
from services.notifications.domain.resending import RESEND
from services.notifications.domain.state import (
    MANAGER,
    Contact,
    Delivery,
    Outcome,
    Policy,
    Preferences,
    QuietHours,
    View,
    Wording,
    person_of,
)
from services.notifications.domain.telling import owed

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    # By _id alone a delivery is found and its being the only one enforced; by status operators look for failed ones.
    "deliveries": [
        IndexModel([("status", ASCENDING), ("created_at", ASCENDING)]),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        # Of a person who is erased.
        IndexModel([("person", ASCENDING)], partialFilterExpression={"status": "failed"}),
        # About a ticket that is erased or redacted, and with words.
        IndexModel([("number", ASCENDING)], partialFilterExpression={"text": {"$gt": ""}}),
    ],
    # Found by _id alone; naming them creates the collections, which have to be there before the first transaction.
    "contacts": [IndexModel([("_id", ASCENDING)])],
    "preferences": [IndexModel([("_id", ASCENDING)])],
}

NONE: Mapping[tuple[str, int], Outcome] = {}


@dataclass(slots=True)
class LoadedView(View):
    """A view that remembers what was loaded."""

    contacts_before: dict[str, Contact] = field(default_factory=dict)
    preferences_before: dict[str, Preferences] = field(default_factory=dict)
    deliveries_before: dict[str, Delivery] = field(default_factory=dict)


class Repository:
    """Loads and stores what a turn of notifications touches."""

    def __init__(self, database: Database[Document], wording: Wording, policy: Policy) -> None:
        self.db = database
        self._wording = wording
        self._policy = policy

    def load(
        self,
        messages: Sequence[Message[Any]],
        now: datetime,  # noqa: ARG002 - the chassis's signature
        outcomes: Mapping[tuple[str, int], Outcome] = NONE,
    ) -> LoadedView:
        """The deliveries that these messages call for or are about, the contacts and preferences of requesters.
        `outcomes`: of the attempts that were made for them (attempting.py)."""
        persons: set[str] = set()
        changed: set[str] = set()
        erased: set[str] = set()
        wanted: set[str] = set()
        tickets: list[Snapshot] = []
        for message in messages:
            if message.type in ("account.contact_changed", "account.preferences_changed", "account.erased"):
                person = person_of(message.data.kind, message.data.account_id)
                persons.add(person)
                if message.type == "account.contact_changed":
                    changed.add(person)
                    wanted.add(code_mail_id(message))
                    erased |= set() if message.data.email else {person}
            elif message.type == RESEND:
                wanted.update(message.data.deliveries)
            elif message.type.startswith("timer."):
                wanted.add(message.subject or "")
            else:
                calls_for = owed(message, self._policy)
                wanted.update(one.id for one in calls_for)
                tickets.append(message.data.ticket)
                persons.add(person_of(tickets[-1].requester.kind, tickets[-1].requester.id))
        deliveries = self.deliveries(wanted)
        persons |= {one.person for one in deliveries.values() if one.person}
        contacts, preferences = self.contacts(persons), self.preferences(persons)
        awaiting = {id_ for person in changed & set(contacts) for id_ in contacts[person].awaited_by}
        deliveries |= self.deliveries(awaiting - set(deliveries))
        deliveries |= {one.id: one for one in self._failed_of(erased)}
        view = LoadedView(
            self._wording,
            self._policy,
            dict(contacts),
            dict(preferences),
            dict(deliveries),
            outcomes,
            contacts_before=contacts,
            preferences_before=preferences,
            deliveries_before=deliveries,
        )
        forgotten = {one.number for one in tickets if is_forgotten(view, one)}
        forgotten |= {one.data.ticket.number for one in messages if one.type == "ticket.redacted"}
        for one in self._with_words(forgotten):
            view.deliveries.setdefault(one.id, one)
            view.deliveries_before.setdefault(one.id, one)
        return view

    def writes(self, view: LoadedView) -> list[Write]:
        """What the turn changed, each conditional on the version that was loaded."""
        return [
            *conditional_writes("contacts", view.contacts_before, view.contacts, _contact_document),
            *conditional_writes("preferences", view.preferences_before, view.preferences, _preferences_document),
            *conditional_writes("deliveries", view.deliveries_before, view.deliveries, to_document),
        ]

    def deliveries(self, ids: Collection[str]) -> dict[str, Delivery]:
        return {row["_id"]: delivery_of(row) for row in self._found("deliveries", ids)}

    def _failed_of(self, persons: Collection[str]) -> list[Delivery]:
        """What these persons could not be told."""
        if not persons:
            return []
        rows = self.db["deliveries"].find({"person": {"$in": list(persons)}, "status": "failed"})
        return [delivery_of(row) for row in rows]

    def _with_words(self, numbers: Collection[str]) -> list[Delivery]:
        """What is yet to be said about these tickets, or failed and is kept."""
        if not numbers:
            return []
        rows = self.db["deliveries"].find({"number": {"$in": sorted(numbers)}, "text": {"$gt": ""}})
        return [delivery_of(row) for row in rows]

    def contacts(self, persons: Collection[str]) -> dict[str, Contact]:
        """By person. One that an older version stored under the requester's id alone stays there."""
        rows = {row["_id"]: row for row in self._found("contacts", {*persons, *map(_id_alone, persons)})}
        found = ((person, rows.get(person) or rows.get(_id_alone(person))) for person in persons)
        return {
            person: Contact(**_values(row, Contact) | {"id": person, "row": row["_id"]}) for person, row in found if row
        }

    def preferences(self, ids: Collection[str]) -> dict[str, Preferences]:
        return {row["_id"]: _preferences_of(row) for row in self._found("preferences", ids)}

    def _found(self, collection: str, ids: Collection[str]) -> list[Document]:
        if not ids:
            return []
        return list(self.db[collection].find({"_id": {"$in": list(ids)}}))


def delivery_of(row: Document) -> Delivery:
    """The delivery that a document holds, of any version of ours."""
    values = {"number": "", **_values(row, Delivery)}
    if values["channel"] == "email" and values["recipient"] != MANAGER:
        values.setdefault("person", person_of("account", values["recipient"]))
    return Delivery(**values)


def to_document(value: Contact | Delivery) -> Document:
    """The fields that are not empty, the id as `_id`."""
    document = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {"_id": document.pop("id")} | {name: held for name, held in document.items() if held not in (None, "", ())}


def _contact_document(value: Contact) -> Document:
    document = to_document(value)
    return document | {"_id": document.pop("row", value.id)}


def _id_alone(person: str) -> str:
    return person.partition(":")[2]


def _values(row: Document, kind: type[Contact | Delivery]) -> dict[str, Any]:
    """What the value is made of; what another release has stored besides is passed over."""
    values = {
        "id" if name == "_id" else name: tuple(each) if isinstance(each, list) else each for name, each in row.items()
    }
    return {name: values[name] for name in kind.__dataclass_fields__ if name in values}


def _preferences_document(value: Preferences) -> Document:
    return {name: held for name, held in asdict(value).items() if name != "id"} | {"_id": value.id}


def _preferences_of(row: Document) -> Preferences:
    hours = row["quiet_hours"]
    return Preferences(
        row["_id"],
        row["version"],
        row["preferences_version"],
        row["language"],
        row["notify"],
        QuietHours(**hours) if hours else None,
    )
