"""Writes all that the desk keeps of an account into one archive, as a stream that is encrypted in segments.

It never holds more in memory than a segment, an entry of a ticket's history, and a line for each ticket.
docs/privacy.md says what an archive contains.
"""

from __future__ import annotations

import hashlib
import html
import logging
import re
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson
from pymongo import ASCENDING
from pymongo.database import Database

from contracts.file_forms import AttachmentRef
from contracts.payload import encode
from services.chassis.database import Document
from services.intake.documents import account_of, article_of, entry_of, ticket_of
from services.intake.domain.values.account import Account
from services.intake.domain.values.article import for_requester
from services.intake.domain.values.file import File, archives_of
from services.intake.domain.values.file_name import safe_name
from services.intake.domain.values.history import PLAIN, Entry, entry_data
from services.intake.domain.values.ticket import Ticket, snapshot
from services.intake.files.contents import Missing, opened
from services.intake.files.keeping import Keeping, file_of
from services.intake.files.keys import KeyUnknown
from services.intake.files.sealing import SEGMENT, Tampered, new_key, seal

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/zip"
_RESERVED = re.compile(r'[/\\<>"|?*]')
"""Characters that Windows allows in no file name; `safe_name` leaves them, because names are mostly shown."""

STYLE = "body{font:1em/1.5 sans-serif;max-width:45em;margin:2em auto;padding:0 1em}pre{white-space:pre-wrap}"


def build(keeping: Keeping, database: Database[Document], key: str, ref: str, now: datetime) -> File | None:
    """The archive of the account, stored under `ref`; None if another instance took over, or its account was erased
    meanwhile."""
    blob, own = uuid.uuid4().hex, new_key()
    wrapped = keeping.keys.wrap(own)
    file = File(ref, archives_of(key), MEDIA_TYPE, 0, "", SEGMENT, blob, wrapped.by, wrapped.key, now, "writing")
    if not keeping.begin(file):
        return file
    digest, size = hashlib.sha256(), 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        for piece in _Archive(keeping, database, key, now).pieces():
            digest.update(piece)
            size += len(piece)
            yield piece

    keeping.files.write(blob, seal(own, blob, counted()))
    written = keeping.records.find_one({"_id": ref, "blob": blob})
    if written is None or written["state"] != "writing":  # its account was erased meanwhile, or an entry redacted
        keeping.files.remove(blob)
        return None
    begun = file_of(written)
    whole = replace(begun, size=size, sha256=digest.hexdigest(), state="stored", version=begun.version + 1)
    if not keeping.replace(begun, whole):
        keeping.files.remove(blob)
        return None
    return whole


class _Sink:
    """What `zipfile` writes to. It cannot seek, so sizes follow each member."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """There is no file to close."""

    def taken(self) -> bytes:
        """What was written since the last call."""
        data = bytes(self._held)
        self._held.clear()
        return data


class _Archive:
    def __init__(self, keeping: Keeping, database: Database[Document], key: str, now: datetime) -> None:
        self._keeping = keeping
        self._db = database
        self._key = key
        self._now = now
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w")

    def pieces(self) -> Iterator[bytes]:
        """The archive, in order."""
        row = self._db["accounts"].find_one({"_id": self._key})
        account = None if row is None else account_of(row)
        yield from self._member("account.json", [_json(_facts(self._key, account, self._now))])
        lines: list[str] = []
        persons = sorted({self._key, self._key if account is None else account.person})
        for row in self._db["tickets"].find({"person": {"$in": persons}}).sort("opened_at", ASCENDING):
            ticket = ticket_of(row)
            lines.append(_line(ticket))
            yield from self._ticket(ticket)
        yield from self._member("index.html", [_index(lines, self._now)])
        self._zip.close()
        yield self._sink.taken()

    def _ticket(self, ticket: Ticket) -> Iterator[bytes]:
        folder = f"tickets/{ticket.number}"
        yield from self._member(f"{folder}/ticket.json", self._as_json(ticket))
        yield from self._member(f"{folder}/ticket.html", self._as_page(ticket))
        for place, named in self._files(ticket):
            row = self._keeping.records.find_one({"_id": named.ref})
            if row is not None and row["state"] == "stored":
                name = f"{folder}/{_path(place, named.name)}"
                yield from self._member(name, self._content(file_of(row)), zipfile.ZIP_STORED)

    def _entries(self, ticket: Ticket) -> Iterator[Entry]:
        """What its requester may see."""
        rows = self._db["entries"].find({"ticket_id": ticket.id, "visibility": "public"}).sort("version", ASCENDING)
        return (self._seen(entry_of(row)) for row in rows)

    def _seen(self, entry: Entry) -> Entry:
        if not entry.details.articles:
            return entry
        rows = self._db["articles"].find({"_id": {"$in": list(entry.details.articles)}})
        return for_requester(entry, {row["_id"]: article_of(row) for row in rows})

    def _files(self, ticket: Ticket) -> Iterator[tuple[int, AttachmentRef]]:
        place = 0
        for entry in self._entries(ticket):
            for named in entry.attachments:
                place += 1
                yield place, named

    def _as_json(self, ticket: Ticket) -> Iterator[bytes]:
        yield b'{"ticket":' + encode(snapshot(ticket)) + b',"history":['
        for place, entry in enumerate(self._entries(ticket)):
            yield (b",\n" if place else b"\n") + encode(entry_data(entry))
        yield b"\n]}\n"

    def _as_page(self, ticket: Ticket) -> Iterator[bytes]:
        yield _head(f"Case {ticket.number}: {ticket.subject}")
        yield f"<p>{html.escape(ticket.status)}, filed {ticket.opened_at:%Y-%m-%d %H:%M} UTC</p>".encode()
        place = 0
        for entry in self._entries(ticket):
            by = entry.author.display_name or entry.author.kind
            yield f"<h2>{entry.at:%Y-%m-%d %H:%M} UTC, {html.escape(by)} ({html.escape(entry.kind)})</h2>".encode()
            yield f"<pre>{html.escape(entry.text or '')}</pre>".encode()
            for named in entry.attachments:
                place += 1
                path = quote(_path(place, named.name))
                yield f'<p>File: <a href="{path}">{html.escape(named.name)}</a></p>'.encode()
            if entry.details != PLAIN:
                yield f"<pre>{html.escape(encode(entry.details).decode())}</pre>".encode()
        yield b"</body></html>\n"

    def _content(self, file: File) -> Iterator[bytes]:
        """The content, up to the first part that does not open; the log says so."""
        for part in range(1, file.parts + 1):
            try:
                yield opened(self._keeping, file, part)
            except (KeyUnknown, Tampered, Missing) as error:
                log.error("a file is not whole in an archive", extra={"file": file.blob, "why": str(error)})
                return

    def _member(self, name: str, content: Iterable[bytes], how: int = zipfile.ZIP_DEFLATED) -> Iterator[bytes]:
        told = zipfile.ZipInfo(name, self._now.timetuple()[:6])
        told.compress_type = how
        with self._zip.open(told, "w", force_zip64=True) as member:
            for piece in content:
                member.write(piece)
                yield self._sink.taken()
        yield self._sink.taken()


def _facts(key: str, account: Account | None, now: datetime) -> dict[str, Any]:
    """What the desk keeps of the account itself; no secret, not even its hash."""
    facts: dict[str, Any] = {"account": key, "exported_at": now}
    if account is None:
        return facts
    return facts | {
        "display_name": account.display_name,
        "contact_email": account.contact_email,
        "contact_confirmed": account.is_confirmed,
        "preferences": dict(account.preferences or {}),
        "opened_at": account.opened_at,
        "expires_at": account.expires_at,
        "one_person_with": account.joined,
    }


def _path(place: int, name: str) -> str:
    """The path of a file beside its ticket's page, under a name that every file system accepts."""
    return "files/" + safe_name(f"{place:03}-{_RESERVED.sub('_', safe_name(name))}")


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z, default=dict)


def _head(title: str) -> bytes:
    shown = html.escape(title)
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{shown}</title><style>{STYLE}</style></head>'
        f"<body><h1>{shown}</h1>\n"
    ).encode()


def _line(ticket: Ticket) -> str:
    path = f"tickets/{ticket.number}/ticket.html"
    filed = f"{ticket.opened_at:%Y-%m-%d}"
    return f'<li><a href="{path}">{ticket.number}</a> {filed} {html.escape(ticket.subject)} ({ticket.status})</li>\n'


def _index(lines: Iterable[str], now: datetime) -> bytes:
    told = f"<p>As of {now:%Y-%m-%d %H:%M} UTC. The same for programs: account.json, tickets/…/ticket.json.</p>\n"
    return _head("Your cases") + told.encode() + f"<ul>{''.join(lines)}</ul></body></html>\n".encode()
