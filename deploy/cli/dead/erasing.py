"""Finds and removes dead letters about people who were erased.

Services may not read the dead letters, so an operator does this, by hand or every night. The page is docs/privacy.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.accounts import MAX_SWEPT, ConfirmSwept
from deploy.settings import Settings
from services.client.blocking import Client
from services.intake.documents import erasure_of
from services.intake.domain.privacy.redaction import REDACTED
from services.intake.domain.values.erasure import Erasure
from services.intake.queries.personal import ERASURES

from ..desk import Desk
from ..operator import each_of
from .dealing import reading
from .letter import Letter

Json = Mapping[str, Any]

NAMES = frozenset({"account_id", "id", "number", "to_number", "refers_to", "merged_into", "ticket_id"})
"""The fields in which messages carry ids of accounts and numbers of tickets."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How to recognise one erasure: the ids of the accounts, in messages until `at`, and the numbers of the tickets."""

    accounts: frozenset[str]
    numbers: frozenset[str]
    at: datetime
    entries: frozenset[str] = frozenset()


def tells_of(letter: Letter, erased: Erased) -> bool:
    """Whether a letter holds something that was erased. Events about the erasure itself do not: they can be
    replayed."""
    try:
        event = json.loads(letter.body)
    except (ValueError, RecursionError):
        return any(_stands_in(letter.body, account) for account in erased.accounts | erased.numbers)
    data = event.get("data") if isinstance(event, dict) else None
    if isinstance(data, dict) and _is_news_of_it(letter.type, data):
        return False
    named = set(_named(event))
    if isinstance(event, dict) and "specversion" in event:
        named.add(str(event.get("subject")))
    else:  # not an event: all texts in it
        named |= set(_texts(event))
    if named & erased.numbers or (named & erased.entries and not _is_redacted(data)):
        return True
    sent_at = _moment(event) or letter.at
    return bool(named & erased.accounts) and (sent_at is None or sent_at <= erased.at)


def drop(settings: Settings, *, dry_run: bool) -> tuple[int, int]:
    """Remove the letters about everybody who was erased, and tell intake so. Returns how many erasures and how many
    letters these are."""
    with Desk(settings) as databases:
        people = [erasure_of(row) for row in databases.intake[ERASURES].find()]
        erased = [_recognised(databases.intake, each) for each in people]
    dropped = 0
    with reading(settings) as letters:
        for batch in letters.batches():
            tags = [tag for tag, letter in batch if any(tells_of(letter, each) for each in erased)]
            dropped += len(tags)
            if not dry_run:
                letters.remove(tags)
    done = [erasure.id for erasure in people if erasure.done]
    if done and not dry_run:
        with Client(settings.get("AMQP_OPERATOR")) as desk:
            each_of(desk, "erasures.confirm_swept", lambda ids: ConfirmSwept(erasures=ids), "erasures", done, MAX_SWEPT)
    return len(people), dropped


def _recognised(intake: Any, erasure: Erasure) -> Erased:
    numbers = [row["number"] for row in intake["tickets"].find({"person": erasure.person}, {"number": 1})]
    ids = (key.partition(":")[2] for key in erasure.accounts)
    return Erased(frozenset(ids), frozenset(numbers), erasure.at, frozenset(erasure.entries))


def _is_news_of_it(type_: str, data: Json) -> bool:
    ticket = data.get("ticket")
    if isinstance(ticket, dict) and ticket.get("erased"):
        return True
    match type_:
        case "account.erased" | "account.temporary_expired":
            return True
        case "account.contact_changed":
            return data.get("email") is None
        case "account.preferences_changed":
            return not {"language", "notify", "quiet_hours"} & data.keys()
    return False


def _is_redacted(data: object) -> bool:
    """Whether the entry that the message shows has lost its words already."""
    entry = data.get("entry") if isinstance(data, dict) else None
    return isinstance(entry, dict) and entry.get("text") == REDACTED


def _named(value: object) -> Iterator[str]:
    """All texts in one of the fields `NAMES`, at any depth."""
    if isinstance(value, dict):
        for name, below in value.items():
            if name in NAMES and isinstance(below, str):
                yield below
            else:
                yield from _named(below)
    elif isinstance(value, list):
        for below in value:
            yield from _named(below)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)


def _moment(event: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(event["time"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        return None
    return at if at.tzinfo else None


def _stands_in(body: bytes, what: str) -> bool:
    """Whether the body contains the text as a whole word."""
    return re.search(rb"(?<![\w-])" + re.escape(what.encode()) + rb"(?![\w-])", body) is not None
