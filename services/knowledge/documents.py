"""What knowledge's values look like in the database, and back."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from services.chassis.database import Document, fields_of
from services.knowledge.domain.state import Value
from services.knowledge.domain.values.article import Article, Head, Published, Text, Version
from services.knowledge.domain.values.counts import TALLIES_KEPT, Draft, Fact, Tally, Vote, Words
from services.knowledge.domain.values.file import File, Part, Upload

COLLECTIONS: dict[type[Any], str] = {
    Article: "articles",
    Version: "versions",
    Published: "published",
    Fact: "facts",
    Vote: "votes",
    Words: "words",
    Tally: "tallies",
    Draft: "drafts",
    Part: "parts",
    Upload: "uploads",
}

REVISED_BY: dict[type[Any], str] = {Article: "version", Version: "version", Published: "version"}
"""The field on which a write depends; `revision` for the others."""

BODIES = ("body", "html", "plain", "headings", "keywords")
"""The fields of a published text that lists do not show."""

WRITTEN = ("body", "html")
"""Those that only who views the text gets: two thirds of it."""


def document_of(value: Value) -> Document:
    """The document that stores this value. An article's has the states by which editors list it."""
    match value:
        case Article():
            files = [_fields(file) for file in value.files]
            return {"_id": value.key, **_fields(value, "id", "files"), "files": files, "states": value.states}
        case Version():
            text = None if value.text is None else _fields(value.text)
            return {"_id": value.key, **_fields(value, "text"), **({} if text is None else {"text": text})}
        case Published():
            return {"_id": value.key, **_fields(value, "head"), **_fields(value.head)}
        case Tally():
            day = datetime.fromisoformat(value.day).replace(tzinfo=UTC)
            return {"_id": value.key, **_fields(value), "forget_at": day + TALLIES_KEPT}
        case Part():
            return {"_id": value.key, **_fields(value)}
        case _:
            return {"_id": value.key, **_fields(value, "key")}


def article_of(document: Document) -> Article:
    """The article that a document of `articles` stores."""
    known = _known(Article, document, "id")
    known["files"] = tuple(File(**_known(File, file)) for file in known.get("files", ()))
    return Article(**known)


def version_of(document: Document) -> Version:
    """The version that a document of `versions` stores."""
    known = _known(Version, document)
    if known.get("text") is not None:
        known["text"] = Text(**_known(Text, known["text"]))
    return Version(**known)


def head_of(document: Document) -> Head:
    """The head of a published text, which lists show."""
    return Head(**_known(Head, document))


def published_of(document: Document) -> Published:
    """The published text that a document of `published` stores."""
    return Published(head=head_of(document), **{k: v for k, v in _known(Published, document).items() if k != "head"})


def value_of(kind: type[Any], document: Document) -> Any:
    """The fact, vote, tally, draft, part or upload that a document stores."""
    return kind(**_known(kind, document, "" if kind in (Tally, Part) else "key"))


def _fields(value: Any, *but: str) -> Document:
    found = {each.name: getattr(value, each.name) for each in fields(value) if each.name not in but}
    return {name: _stored(each) for name, each in found.items() if each is not None}


def _stored(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _known(kind: type[Any], document: Document, key: str = "") -> dict[str, Any]:
    known = fields_of(kind, document, key)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
