"""Reads requests from a file: each row becomes the data of one `ticket.submit`, or is refused with line and reason.

It guesses nothing. It invents a requester only if the file names none at all: the same for the same row on every run.
The page is docs/cli.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4

from marshmallow import ValidationError

from contracts.catalogue import Catalogue, Category, Question
from contracts.payload import errors_by_field
from contracts.registry import command
from deploy.trouble import Trouble
from services.chassis.reading import LARGEST

from .encoding import encoding_of
from .mapping import ANSWER, ATTEMPT, NO_TEXT, TEXT, Reading, folded, reading, said
from .rows import JsonLines, Row, Table, rows_of

SUBJECT_LENGTH = 120
"""Characters of a subject that is taken from the beginning of a text."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_NOT_ITSELF = frozenset({"category", "channel", ATTEMPT})
"""Fields of a row that have their own reader."""


@dataclass(frozen=True, slots=True)
class Request:
    """The data of a `ticket.submit`. `id`: the same for the same request and attempt, whatever file or row it is in;
    `channel`: who feeds it in the demo, if the file says so."""

    row: Row
    id: str
    data: Mapping[str, Any]
    attempt: str
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot become a request, and why."""

    row: Row
    reason: str
    attempt: str


FIRST = "1"
"""The first attempt of a request."""
_ATTEMPT = re.compile(r"[0-9]{1,4}(-[0-9a-f]{1,32})?").fullmatch


def next_attempt(attempt: str) -> str:
    """The next attempt: the same request, but another command."""
    number, dash, rest = attempt.partition("-")
    return f"{int(number) + 1}{dash}{rest}"


class WrongRow(ValueError):
    """A row cannot become a request; a sentence says why."""


class Categories:
    """What a column of categories may contain, for an id of the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue.categories
        names = {folded(category.name): id_ for id_, category in self.catalogue.items()}
        self._ids = {**names, **{id_: id_ for id_ in self.catalogue}}

    def id_of(self, value: str) -> str | None:
        """The category with this id or name, in any case; None for anything else."""
        return self._ids.get(folded(value))

    def known(self) -> str:
        """All of them, to choose from."""
        return ", ".join(self.catalogue)


@dataclass(slots=True)
class RequestFile:
    """A file of requests, and how it is read. Iterating gives each row's Request or Refused, from the first one.

    `count` and `refusable`: how many of both there are, known after `survey`.
    """

    rows: Table | JsonLines
    reading: Reading
    categories: Categories
    remarks: list[str]
    limit: int | None = None
    requesters: int | None = None
    attempt: str = FIRST
    """The attempt of rows that do not say which."""
    count: int = 0
    refusable: int = 0
    _seen: dict[int, int] = field(default_factory=dict)

    def survey(self) -> None:
        """Read all of it once, before anything is sent. Raises Trouble (code 2) if it is unclear where rows end, or no
        row can be fed."""
        self.count = self.refusable = 0
        for row in self:
            self.count += isinstance(row, Request)
            self.refusable += isinstance(row, Refused)
        if not self.count and not self.refusable:
            raise Trouble(f"{self.rows.path}: it contains no requests.", 2)

    def __iter__(self) -> Iterator[Request | Refused]:
        self._seen.clear()
        taken = 0
        for row in self.rows:
            if self.limit is not None and taken == self.limit:
                return
            read = self._request(row, taken)
            taken += isinstance(read, Request)
            yield read

    def _request(self, row: Row, place: int) -> Request | Refused:
        attempt = self.attempt
        try:
            if row.fault:
                raise WrongRow(row.fault)
            attempt = self._attempt(row)
            data = self._data(row)
            id_ = self._id(data, attempt)
            if not self.reading.names_requesters:
                data = {"requester": requester_of(place, self.requesters or max(1, self.count // 3)), **data}
            channel, _ = self.reading.value("channel", row.values)
            return Request(row, id_, _passed(data), attempt, channel)
        except WrongRow as wrong:
            return Refused(row, str(wrong), attempt)

    def _attempt(self, row: Row) -> str:
        value, _ = self.reading.value(ATTEMPT, row.values)
        attempt = self.attempt if value is None else str(value)
        if not _ATTEMPT(attempt):
            raise WrongRow(f"{ATTEMPT} was changed: leave it as it was written")
        return attempt

    def _data(self, row: Row) -> dict[str, Any]:
        category = self._category(row)
        data: dict[str, Any] = {"category": category.id}
        answers: dict[str, Any] = {}
        for name in self.reading.fields:
            if name in _NOT_ITSELF or name.startswith("requester."):
                continue
            value = self._value(name, row)
            if value is None:
                continue
            if name.startswith(ANSWER):
                id_ = name.removeprefix(ANSWER)
                answers[id_] = _answer(
                    value, next((question for question in category.questions if question.id == id_), None)
                )
            elif isinstance(value, str):
                data[name] = _text(name, value, category)
            else:
                data[name] = value
        if answers:
            data["fields"] = answers
        if "body" not in data:
            raise WrongRow(f"no {TEXT}")
        if "subject" not in data:
            data["subject"] = _beginning(str(data["body"]))
        requester = self._requester(row)
        return data if requester is None else {**data, "requester": requester}

    def _value(self, name: str, row: Row) -> Any:
        value, meant = self.reading.value(name, row.values)
        if not meant and name in self.reading.otherwise:
            value = self.reading.otherwise[name] or None
        return value

    def _category(self, row: Row) -> Category:
        value, _ = self.reading.value("category", row.values)
        id_ = None if value is None else self.categories.id_of(str(value))
        if id_ is None and (otherwise := self.reading.otherwise.get("category")):
            id_ = self.categories.id_of(otherwise)
        if id_ is not None:
            return self.categories.catalogue[id_]
        if value is None:
            raise WrongRow("no category")
        raise WrongRow(f"the catalogue has no category {value!r}; it has {self.categories.known()}")

    def _requester(self, row: Row) -> dict[str, Any] | None:
        """Who asks, completed: without an id, the address is the id; without a name, the id is the name. None if the
        file names nobody at all."""
        if not self.reading.names_requesters:
            return None
        names = ("temporary", "account_id", "display_name", "tier", "email")
        given = {name: value for name in names if (value := self._value(f"requester.{name}", row)) is not None}
        if "temporary" in given:
            return given
        if "account_id" not in given and "email" in given:
            given["account_id"] = str(given["email"]).lower()
        if "account_id" not in given:
            raise WrongRow("no requester: neither requester.account_id nor requester.email")
        if isinstance(given.get("tier"), str):
            given["tier"] = given["tier"].lower()
        return {"display_name": str(given["account_id"]), "tier": "standard", **given}

    def _id(self, data: Mapping[str, Any], attempt: str) -> str:
        """Derived from the content: fed again, it is the same command and has no second effect. Equal requests of one
        file differ by their order, and a refused request by its attempt."""
        digest = blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=16)
        place = int.from_bytes(digest.digest()[:8])
        before = self._seen.get(place, 0)
        self._seen[place] = before + 1
        return f"fed-{digest.hexdigest()}-{before}-{attempt}"


def opened(
    path: Path,
    catalogue: Catalogue,
    *,
    maps: Sequence[str] = (),
    delimiter: str | None = None,
    encoding: str | None = None,
    limit: int | None = None,
    requesters: int | None = None,
    again: bool = False,
) -> RequestFile:
    """A file of requests, read once to see its content. Raises Trouble (code 2) if it cannot be read.

    `limit`: how many requests, from the first on. `requesters`: how many made-up people send the requests of a file
    that names nobody (default: a third of the requests). `again`: each is another request than before.
    """
    wanted = said(maps)
    ignoring: Collection[str] = () if path.suffix.lower() in (".jsonl", ".ndjson") else NO_TEXT
    try:
        if path.exists() and not path.is_file():
            raise Trouble(f"{path}: not a file.", 2)
        found = encoding_of(path, encoding)
        rows = rows_of(path, found, delimiter, lambda columns: reading(wanted, columns, ignoring))
        categories = Categories(catalogue)
        for mapping in wanted:
            _look_whether_known(str(mapping), mapping.field, rows.fitted, categories)
        unused = f"Not used: {', '.join(rows.fitted.unused)}." if rows.fitted.unused else ""
        remarks = [remark for remark in (found.remark, rows.remark, unused) if remark]
        file = RequestFile(
            rows, rows.fitted, categories, remarks, limit, requesters, f"{FIRST}-{uuid4().hex[:8]}" if again else FIRST
        )
        file.survey()
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}.", 2) from error
    return file


def requester_of(row: int, people: int) -> dict[str, str]:
    """The made-up requester of a row: rows are spread over people; every twelfth row has the requester of the row
    before.

    One in twenty is a vip, one in ten has an address (at a domain that belongs to nobody).
    """
    asks = row - 1 if row % 12 == 11 else row
    person = asks * 7919 % people
    tier = "vip" if person % 20 == 0 else "standard"
    requester = {"account_id": f"customer-{person:05}", "display_name": f"Customer {person:05}", "tier": tier}
    return requester | ({"email": f"customer-{person:05}@example.org"} if person % 10 == 1 else {})


def _look_whether_known(said_so: str, name: str, found: Reading, categories: Categories) -> None:
    """Raises Trouble (code 2) if a mapping names a category that the catalogue does not have."""
    if name != "category":
        return
    for new in (*found.means.get("category", {}).values(), found.otherwise.get("category")):
        if new and categories.id_of(new) is None:
            raise Trouble(f"{said_so}: the catalogue has no category {new!r}; it has {categories.known()}.", 2)


def _text(name: str, value: str, category: Category) -> Any:
    """A text in the form of its field: line ends as LF; a subject on one line; subcategories by id."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    match name:
        case "subject":
            return " ".join(value.split())
        case "subcategory":
            return next(
                (subcategory for subcategory in category.subcategories if subcategory.casefold() == value.casefold()),
                value,
            )
        case "distinct_from":
            return re.split(r"[\s,;]+", value)
    return value


def _answer(value: Any, question: Question | None) -> Any:
    """The answer to a question that is not of kind text. The desk judges what does not fit."""
    if not isinstance(value, str) or question is None:
        return value
    if question.kind == "number" and _NUMBER(value):
        return float(value) if "." in value else int(value)
    if question.kind == "choice":
        return next((choice for choice in question.choices if choice.casefold() == value.casefold()), value)
    return value


def _beginning(text: str) -> str:
    """A subject from a text: its first words."""
    text = " ".join(text.split())
    return text if len(text) <= SUBJECT_LENGTH else text[:SUBJECT_LENGTH].rsplit(" ", 1)[0] + " …"


def _passed(data: dict[str, Any]) -> dict[str, Any]:
    """The data, if it passes the contract. Raises WrongRow with every fault, by field."""
    submit = command("ticket.submit")
    assert submit is not None
    try:
        submit.schema.load(data)
        size = len(json.dumps(data, ensure_ascii=False).encode())
    except ValidationError as error:
        faults = errors_by_field(error)
        raise WrongRow("; ".join(f"{name}: {' '.join(words)}" for name, words in faults.items())) from error
    except UnicodeEncodeError as error:
        raise WrongRow("it contains half a surrogate pair, which is not a character") from error
    if size > LARGEST - 4096:
        raise WrongRow(f"too large: a message may have {LARGEST >> 20} MiB")
    return data
