"""Which accounts have an address: the queries of a turn. They read only as many accounts as matter, because anybody may
open accounts with anybody's address. The page is docs/accounts.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.collation import Collation, CollationStrength

from services.chassis.database import Document
from services.chassis.pipeline import Find

MOST_SHARING = 100
"""How many accounts with one address a confirmation reads: the first that confirmed it, then the oldest of the
others."""

TO_TELL = 3
"""How many accounts show whether anybody else has an address, besides the one that asks and an account that ends by the
same command."""

ANY_CASE = Collation("en", strength=CollationStrength.SECONDARY)
"""Capitals in an address make no difference; the rule itself is `mailbox`."""

BY_ADDRESS = IndexModel(
    [("contact_email", ASCENDING), ("confirmed_at", ASCENDING), ("opened_at", ASCENDING)],
    partialFilterExpression={"contact_email": {"$type": "string"}},
    collation=ANY_CASE,
)


def having_all(mailbox: str) -> tuple[Find, Find]:
    """The accounts with this address that its confirmation reads: some that have not confirmed it and some that have,
    because there may be very many. In this order: one that confirms it between the two is found by both, not by
    neither."""
    confirmed: Document = {"confirmed_at": {"$type": "date"}}
    return (
        _having(mailbox, MOST_SHARING, "opened_at", {"confirmed_at": None}),
        _having(mailbox, MOST_SHARING, "confirmed_at", confirmed),
    )


def having_some(mailbox: str) -> Find:
    """Enough of the accounts with this address to tell whether anybody else has it."""
    return _having(mailbox, TO_TELL, "confirmed_at")


def _having(mailbox_: str, most: int, by: str, more: Mapping[str, Any] | None = None) -> Find:
    """The first accounts with this address; `$type` so that the partial index is used."""
    condition: Document = {"contact_email": {"$eq": mailbox_, "$type": "string"}, **(more or {})}
    return Find("accounts", condition, [(by, ASCENDING)], most, collation=ANY_CASE.document)
