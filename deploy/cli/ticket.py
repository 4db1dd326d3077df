"""One ticket on a terminal: all that the desk knows of it, and its history with every detail of each entry.

It takes documents and returns what rich prints. It shows an unknown field under its own name. The page is
docs/cli.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from contracts.catalogue import Catalogue
from services.intake.domain.values.ticket import INTERNAL

from .show import Document, moment, plain, status_text

INDENT = 21

HIDDEN = INTERNAL | {"_id", "assignment_seq", "contact_version", "open_key", "revision", "status_version"}
"""Internal counters of intake, which mean nothing to a person."""

CONSENT = {"asked": "asked for, no answer yet", "granted": "granted", "refused": "refused"}

STATES = {
    "stored": "",
    "quarantined": ", waiting for the virus scanner: nobody may download it",
    "infected": ", harmful: nobody may download it",
    "removing": ", removed",
    "writing": ", incomplete",
}
"""A file's state, in words."""

JOINED = {"linked": "with", "merged": "into"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a history: its entries in order, its page and how many there are (`page` 0: the opening and the
    newest), and the number of all entries."""

    entries: Sequence[Document]
    page: int
    pages: int
    total: int


def ticket_page(
    ticket: Document, part: Part, files: Mapping[str, Document], catalogue: Catalogue | None = None
) -> RenderableType:
    """A ticket and a part of its history. `files`: the records of the files that the entries name, by reference;
    `catalogue`: has the labels of categories and questions."""
    head = Table.grid(padding=(0, 2))
    for name, value in _head(ticket, catalogue):
        head.add_row(Text(name, "dim"), value if isinstance(value, Text) else Text(plain(value)))
    title = Text(f"{plain(ticket['number'])}  {plain(ticket['subject'])}", "bold")
    shown: list[RenderableType] = []
    before = 0
    for entry in part.entries:
        version = entry.get("version", before + 1)
        if before and version > before + 1:
            left = version - before - 1
            shown.append(Text(f"{'':>{INDENT}}… {left:,} entries between: --page 1 to {part.pages:,} show them", "dim"))
        before = version
        shown.append(_entry(entry, ticket, files, catalogue))
    if part.page:
        shown.append(Text(f"{part.total:,} entries, page {part.page:,} of {part.pages:,}", "dim"))
    return Group(title, head, Text(), *shown)


def _head(ticket: Document, catalogue: Catalogue | None) -> Iterator[tuple[str, str | Text]]:
    """A line for each detail with its own wording, then one for every other known field."""
    left = dict(ticket)

    def take(name: str) -> Any:
        return left.pop(name, None)

    for name in ("number", "subject"):  # the title shows them
        take(name)
    yield "status", status_text(take("status")).append(f" since {moment(take('status_since'))}", "default")
    id_, subcategory = take("category"), take("subcategory")
    category = catalogue.categories.get(id_) if catalogue else None
    called = id_ if category is None else f"{category.name} ({category.id})"
    under = f" / {subcategory}" if subcategory else ""
    yield "category", f"{called}{under}, priority {take('priority')}"
    if issue_key := take("issue_key"):
        yield "issue key", issue_key
    requester = take("requester")
    kind = " with a temporary account" if requester.get("kind") == "temporary" else ""
    account = f" {requester['id']}" if requester.get("id") else ""
    yield (
        "requester",
        f"{requester['display_name']} ({requester['tier']}) by {take('channel')}{kind}:{account}".rstrip(":"),
    )
    if language := take("language"):
        yield "language", language
    agent = take("agent")
    yield "agent", "–" if agent is None else _named(agent)
    changed_from, requester_left = take("changed_from"), take("requester_left")
    if changed_from:
        yield "taken from", f"{changed_from}{' by the requester' if requester_left == changed_from else ''}"
    if take("escalated"):
        yield "escalated", "yes"
    if consent := take("consent"):
        yield "permission", f"to log in: {CONSENT.get(consent, consent)}"
    if links := take("links"):
        yield "linked with", ", ".join(links)
    if merged_into := take("merged_into"):
        yield "goes on in", merged_into
    if attached := take("attached"):
        yield "files", _size(attached)
    yield "opened", moment(take("opened_at"))
    if reopened := take("reopen_count"):
        yield "reopened", "once" if reopened == 1 else f"{reopened} times"
    closed_at, reason = take("closed_at"), take("close_reason")
    if closed_at:
        yield "closed", f"{moment(closed_at)} ({reason})"
    version = take("version")
    for name, value in left.items():
        if name not in HIDDEN and value not in (None, False, "", [], {}):
            yield name.replace("_", " "), _in_words(value)
    yield "version", str(version)


def _entry(
    entry: Document, ticket: Document, files: Mapping[str, Document], catalogue: Catalogue | None
) -> RenderableType:
    author = entry.get("author")
    line = Text.assemble(
        (moment(entry["at"]), "dim"),
        "  ",
        (plain(entry["kind"]).replace("_", " "), "bold"),
        f" by {plain(_named(author) if isinstance(author, Mapping) else author)}",
        (" (internal)" if entry.get("visibility") == "internal" else "", "magenta"),
    )
    words = [Text(plain(entry["text"], keep_lines=True))] if entry.get("text") else []
    details = [_line(*detail) for detail in _details(entry, ticket, files, catalogue)]
    return Group(line, *(Padding(line_, (0, 0, 0, INDENT)) for line_ in (*details, *words)))


def _details(
    entry: Document, ticket: Document, files: Mapping[str, Document], catalogue: Catalogue | None
) -> Iterator[tuple[str, str]]:
    """The details of an entry besides its text, each with its name."""
    details = dict(entry.get("details") or {})
    for name, change in (details.pop("changed", None) or {}).items():
        yield from _change(name, change)
    if (number := details.pop("to_number", None)) is not None:
        yield JOINED.get(entry["kind"], "with"), f"ticket {number}"
    if (number := details.pop("refers_to", None)) is not None:
        yield "refers to", f"ticket {number}"
    if (granted := details.pop("granted", None)) is not None:
        yield "permission", "granted" if granted else "refused"
    for id_, answer in (details.pop("fields", None) or {}).items():
        yield _asked(id_, ticket, catalogue), _in_words(answer)
    for article in details.pop("articles", None) or ():
        yield "article", article
    for file in details.pop("attachments", None) or ():
        yield "file", _file(file, files.get(file["ref"]))
    for file in details.pop("left_out", None) or ():
        yield "left out", f"{file['name']}: {file['reason']}"
    for name, value in details.items():
        yield name.replace("_", " "), _in_words(value)


def _change(name: str, change: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    old, new = change.get("old"), change.get("new")
    if any("\n" in str(side) or len(str(side)) > 60 for side in (old, new)):
        yield f"{name} was", str(old)
        yield f"{name} is", str(new)
    else:
        yield name, f"{'–' if old is None else old} → {'–' if new is None else new}"


def _asked(id_: str, ticket: Document, catalogue: Catalogue | None) -> str:
    """The label of a question: of the ticket's category, or of another one under which the ticket was filed."""
    if catalogue is None:
        return id_
    first = catalogue.categories.get(ticket["category"])
    asked = [
        question for category in (first, *catalogue.categories.values()) if category for question in category.questions
    ]
    return next((question.label for question in asked if question.id == id_), id_)


def _file(named: Mapping[str, Any], kept: Document | None) -> str:
    state = ", deleted" if kept is None else STATES.get(kept["state"], f", {kept['state']}")
    if kept is not None and kept.get("damaged"):
        state = ", damaged: it cannot be decrypted"
    return f"{named['name']} ({named['media_type']}, {_size(named['size'])}{state})"


def _line(name: str, value: str) -> RenderableType:
    text = plain(value, keep_lines=True)
    name = plain(name)
    separator = " " if name.endswith(("?", ":")) else ": "
    return Text.assemble((f"{name}{separator}", "dim"), text)


def _named(person: Mapping[str, Any]) -> str:
    name, id_ = person.get("display_name"), person["id"]
    return str(id_) if not name or name == id_ else f"{name} ({id_})"


def _in_words(value: Any) -> str:
    match value:
        case datetime():
            return moment(value)
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return ", ".join(f"{name} {_in_words(part)}" for name, part in value.items())
        case list() | tuple():
            return ", ".join(map(_in_words, value))
    return str(value)


def _size(count: int) -> str:
    for unit, many in (("MiB", 1024**2), ("KiB", 1024)):
        if count >= many:
            return f"{count / many:.1f} {unit}"
    return f"{count} bytes"
