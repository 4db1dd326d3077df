"""Deliveries, contacts, preferences and titles of articles in MongoDB: what a turn reads, and what it writes.

Nothing else in notifications uses pymongo; this module decides nothing. Shard keys: contacts and preferences by person,
deliveries and articles by their id, all hashed. See docs/notifications.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.database import Database

from services.chassis.database import Document, fields_of
from services.chassis.decision import Message, line_of
from services.chassis.pipeline import Find, find
from services.chassis.unit_of_work import Write, conditional_writes
from services.notifications.domain.decide import TAKEN
from services.notifications.domain.needs import ArticleOf, DeliveryOf, FailedOf, Need, PersonOf, WordsAbout
from services.notifications.domain.state import (
    MANAGER,
    Article,
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

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    # A delivery is found by _id, which also makes it unique; operators look for failed ones by status.
    "deliveries": [
        IndexModel([("status", ASCENDING), ("created_at", ASCENDING)]),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        # Deliveries of a person who is erased.
        IndexModel([("person", ASCENDING)], partialFilterExpression={"status": "failed"}),
        # Deliveries with words, about a ticket that is erased or redacted.
        IndexModel([("number", ASCENDING)], partialFilterExpression={"text": {"$gt": ""}}),
    ],
    # Found by _id; naming the collections creates them, because they must exist before the first transaction.
    "contacts": [IndexModel([("_id", ASCENDING)])],
    "preferences": [IndexModel([("_id", ASCENDING)])],
    "articles": [IndexModel([("_id", ASCENDING)])],
}

NONE: Mapping[tuple[str, int], Outcome] = {}


@dataclass(slots=True)
class LoadedView(View):
    """A view that remembers what was loaded."""

    contacts_before: dict[str, Contact] = field(default_factory=dict)
    preferences_before: dict[str, Preferences] = field(default_factory=dict)
    deliveries_before: dict[str, Delivery] = field(default_factory=dict)
    articles_before: dict[str, Article] = field(default_factory=dict)

    def know_deliveries(self, rows: Iterable[Document]) -> None:
        """Take these in, as they are stored; what is known already stays as it was read."""
        for delivery in map(delivery_of, rows):
            self.deliveries[delivery.id] = self.deliveries_before.setdefault(delivery.id, delivery)

    def know_contacts(self, persons: Iterable[str], rows: Iterable[Document]) -> None:
        """The same, for these persons. A record that an older version stored under the requester's id alone stays
        there."""
        found = {row["_id"]: row for row in rows}
        for person in persons:
            row = found.get(person) or found.get(_id_alone(person))
            if row is not None:
                contact = Contact(**_values(row, Contact) | {"id": person, "row": row["_id"]})
                self.contacts[person] = self.contacts_before.setdefault(person, contact)

    def know_preferences(self, rows: Iterable[Document]) -> None:
        """The same, for these preferences."""
        for preferences in map(_preferences_of, rows):
            self.preferences[preferences.id] = self.preferences_before.setdefault(preferences.id, preferences)

    def know_articles(self, rows: Iterable[Document]) -> None:
        """The same, for these articles."""
        for article in map(_article_of, rows):
            self.articles[article.id] = self.articles_before.setdefault(article.id, article)


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
        """Everything that these messages need. `outcomes`: those of the attempts that were made for them
        (attempting.py)."""
        view = LoadedView(self._wording, self._policy, outcomes=outcomes)
        asking = [(line_of(TAKEN, message), message) for message in messages]
        first = {need for taken, message in asking for need in taken.needs(view, message)}
        self._read(view, first)
        self._read(view, {need for taken, message in asking for need in taken.then(view, message)} - first)
        return view

    def writes(self, view: LoadedView) -> list[Write]:
        """What the turn changed, each conditional on the version that was loaded."""
        return [
            *conditional_writes("contacts", view.contacts_before, view.contacts, _contact_document),
            *conditional_writes("preferences", view.preferences_before, view.preferences, _preferences_document),
            *conditional_writes("articles", view.articles_before, view.articles, _article_document),
            *conditional_writes("deliveries", view.deliveries_before, view.deliveries, to_document),
        ]

    def _read(self, view: LoadedView, needs: Collection[Need]) -> None:
        """Read all of these together into the view. What the view knows already stays as it was read."""
        deliveries, persons, failed, about = list[str](), list[str](), list[str](), list[str]()
        articles = list[str]()
        for need in needs:
            match need:
                case DeliveryOf(id=id_):
                    deliveries.append(id_)
                case PersonOf(id=id_):
                    persons.append(id_)
                case FailedOf(person=person):
                    failed.append(person)
                case WordsAbout(number=number):
                    about.append(number)
                case ArticleOf(id=id_):
                    articles.append(id_)
        ids = [*persons, *map(_id_alone, persons)]
        wanted: list[tuple[Find, Callable[[list[Document]], None]]] = [
            (Find("deliveries", {"_id": {"$in": deliveries}}), view.know_deliveries),
            (Find("deliveries", {"person": {"$in": failed}, "status": "failed"}), view.know_deliveries),
            (Find("deliveries", {"number": {"$in": about}, "text": {"$gt": ""}}), view.know_deliveries),
            (Find("contacts", {"_id": {"$in": ids}}), partial(view.know_contacts, persons)),
            (Find("preferences", {"_id": {"$in": persons}}), view.know_preferences),
            (Find("articles", {"_id": {"$in": articles}}), view.know_articles),
        ]
        asked = (deliveries, failed, about, persons, persons, articles)
        used = [query for query, ids in zip(wanted, asked, strict=True) if ids]
        for (_, know), rows in zip(used, find(self.db, *(query for query, _ in used)), strict=True):
            know(rows)


def delivery_of(row: Document) -> Delivery:
    """The delivery that a document of any of our versions holds."""
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
    return {name: tuple(held) if isinstance(held, list) else held for name, held in fields_of(kind, row, "id").items()}


def _preferences_document(value: Preferences) -> Document:
    return {name: held for name, held in asdict(value).items() if name != "id"} | {"_id": value.id}


def _article_document(value: Article) -> Document:
    """The titles as a list: a language may have a hyphen, and later releases may say more of each."""
    titles = [{"language": each, "version": of, "title": title} for each, (of, title) in value.titles.items()]
    return {
        "_id": value.id,
        "version": value.version,
        "article_version": value.article_version,
        "is_public": value.is_public,
        "languages": list(value.languages),
        "titles": titles,
    }


def _article_of(row: Document) -> Article:
    return Article(
        row["_id"],
        row["version"],
        row["article_version"],
        row["is_public"],
        tuple(row["languages"]),
        {each["language"]: (each["version"], each["title"]) for each in row["titles"]},
    )


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
