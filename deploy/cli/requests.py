"""Read customer requests from a file: each row becomes the data of one `ticket.submit`.

A `.csv` has the columns `text` and `category` (an intent; intents.py maps it); a `.jsonl` has the data itself, one
object a line. Rows without a requester get a made-up one, the same for the same row on every run; nothing personal is
invented. The page is docs/cli.md.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from .intents import category_of
from .settings import Trouble

Request = dict[str, Any]
"""The data of a `ticket.submit`; a sample of the demo also names its `channel`."""

SUBJECT_LENGTH = 120


def read(path: Path, limit: int | None = None, requesters: int | None = None) -> list[Request]:
    """The requests in a file, in its order, at most `limit`; Trouble (code 2) naming the line that cannot be read.

    `requesters`: how many made-up people send those that name nobody (a third of the rows unless given).
    """
    readers = {".csv": _csv, ".jsonl": _jsonl}
    if path.suffix not in readers:
        raise Trouble(f"{path}: cannot tell what it is; a .csv or a .jsonl is wanted.", 2)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            found = list(islice(readers[path.suffix](path, lines), limit))
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}.", 2) from error
    except UnicodeDecodeError as error:
        raise Trouble(f"{path}: not UTF-8 text (byte {error.start}).", 2) from error
    if not found:
        raise Trouble(f"{path}: no requests in it.", 2)
    people = requesters or max(1, len(found) // 3)
    return [{"requester": requester_of(row, people), **data} for row, data in enumerate(found)]


def requester_of(row: int, people: int) -> dict[str, str]:
    """The made-up requester of a row: rows are spread over people; every twelfth is by whom the row before is.

    One in twenty is a vip, one in ten has an address (of a domain that is nobody's).
    """
    asks = row - 1 if row % 12 == 11 else row
    person = asks * 7919 % people
    tier = "vip" if person % 20 == 0 else "standard"
    requester = {"account_id": f"customer-{person:05}", "display_name": f"Customer {person:05}", "tier": tier}
    return requester | ({"email": f"customer-{person:05}@example.org"} if person % 10 == 1 else {})


def _csv(path: Path, lines: Iterator[str]) -> Iterator[Request]:
    rows = csv.DictReader(lines, strict=True)
    try:
        missing = {"text", "category"} - set(rows.fieldnames or ())
        if missing:
            raise Trouble(f"{path}, line 1: no column named {' or '.join(sorted(missing))}.", 2)
        for row in rows:
            if not row["text"] or not row["category"]:
                raise Trouble(f"{path}, line {rows.line_num}: no {'category' if row['text'] else 'text'}.", 2)
            yield _from_text(row)
    except csv.Error as error:
        raise Trouble(f"{path}, line {rows.reader.line_num}: {error}.", 2) from error


def _from_text(row: Mapping[str, str]) -> Request:
    text = " ".join(row["text"].split())
    subject = text if len(text) <= SUBJECT_LENGTH else text[:SUBJECT_LENGTH].rsplit(" ", 1)[0] + " …"
    return {"category": category_of(row["category"]), "subject": subject, "body": text}


def _jsonl(path: Path, lines: Iterator[str]) -> Iterator[Request]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except ValueError as error:
            raise Trouble(f"{path}, line {number}: not JSON ({error}).", 2) from error
        if not isinstance(data, dict):
            raise Trouble(f"{path}, line {number}: not a JSON object.", 2)
        yield data
