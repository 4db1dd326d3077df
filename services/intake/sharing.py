"""Which accounts have an address: the queries of a turn. No more of them than matter, since anybody may open accounts
with anybody's address.

The page is docs/accounts.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.collation import Collation, CollationStrength
from pymongo.database import Database

from contracts.common import Requester, TemporaryRequester
from services.chassis.decision import Message
from services.chassis.pipeline import Find, find
from services.chassis.unit_of_work import Document
from services.intake.documents import account_of
from services.intake.domain.accounts import Account, mailbox
from services.intake.domain.requesters import account_named

MOST_SHARING = 100
"""Accounts with one address that a confirmation looks at: those that have confirmed it, by when, then the oldest."""

TO_TELL = 3
"""So many tell whether anybody else has an address: besides who asks, and an account that ends by the same command."""

ANY_CASE = Collation("en", strength=CollationStrength.SECONDARY)
"""An address is found in capitals or not; the rule itself is `mailbox`."""

BY_ADDRESS = IndexModel(
    [("contact_email", ASCENDING), ("confirmed_at", ASCENDING), ("opened_at", ASCENDING)],
    partialFilterExpression={"contact_email": {"$type": "string"}},
    collation=ANY_CASE,
)


def sharing(database: Database[Document], mailboxes: Iterable[str]) -> list[Account]:
    """The accounts that a confirmation of each of these addresses looks at."""
    queries = []
    for one in mailboxes:
        confirmed: Document = {"confirmed_at": {"$type": "date"}}
        queries += [
            _having(one, MOST_SHARING, "confirmed_at", confirmed),
            _having(one, MOST_SHARING, "opened_at", {"confirmed_at": None}),
        ]
    found = find(database, *queries)
    of_each = [[*first, *others][:MOST_SHARING] for first, others in zip(found[::2], found[1::2], strict=True)]
    return [account_of(row) for rows in of_each for row in rows]


def some_sharing(database: Database[Document], mailboxes: Iterable[str]) -> list[Account]:
    """Enough of the accounts with each of these addresses to tell whether anybody else has it."""
    found = find(database, *(_having(one, TO_TELL, "confirmed_at") for one in mailboxes))
    return [account_of(row) for rows in found for row in rows]


def brought_anew(messages: Sequence[Message[Any]], accounts: Mapping[str, Account]) -> set[str]:
    """Whose addresses come with these messages, as far as they may be new to the accounts that bring them."""
    brought: dict[str, set[str]] = {}
    for message in messages:
        key, email = account_named(message), _email(message.data.requester)
        if key is not None and email:
            brought.setdefault(key, set()).add(email)
    known = {key: {accounts[key].contact_email} if key in accounts else set() for key in brought}
    return {mailbox(email) for key, emails in brought.items() if emails != known[key] for email in emails}


def _email(requester: Requester) -> str | None:
    return None if isinstance(requester, TemporaryRequester) else requester.email


def persons_to_be(key: str, accounts: Mapping[str, Account], confirming: Collection[str | None]) -> set[str]:
    """Whose an account may be by the end of the turn: if it is `confirming` its address, that of whoever confirmed the
    same one, sooner or in this turn too."""
    account = accounts.get(key)
    if account is None:
        return {key}
    if key not in confirming or account.mailbox is None:
        return {account.person}
    others = [one for one in accounts.values() if one.mailbox == account.mailbox]
    return {account.person, *(one.person for one in others if one.is_confirmed or one.key in confirming)}


def _having(mailbox_: str, most: int, by: str, more: Mapping[str, Any] | None = None) -> Find:
    """The first accounts with this address; `$type` so that the partial index is used."""
    condition: Document = {"contact_email": {"$eq": mailbox_, "$type": "string"}, **(more or {})}
    return Find("accounts", condition, [(by, ASCENDING)], most, collation=ANY_CASE.document)
