"""What the messages of one turn do to each other's accounts, so that all that they need is read before any is decided.

The page is docs/accounts.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.accounts import ConfirmContact, MergeAccounts
from contracts.tickets import Reply, Submit
from services.chassis.decision import Message
from services.intake.domain.accounts.caller import account_named
from services.intake.domain.accounts.contact import email_brought
from services.intake.domain.state import View
from services.intake.domain.values.together import Together

BRINGING = (Submit, Reply, MergeAccounts)
"""Commands that may bring an account an address."""


def together(messages: Sequence[Message[Any]]) -> Together:
    """What these messages of one turn do to each other's accounts."""
    emails: dict[str, set[str | None]] = {}
    confirming: set[str] = set()
    for message in messages:
        if isinstance(message.data, ConfirmContact) and (key := account_named(message)) is not None:
            confirming.add(key)
        elif isinstance(message.data, BRINGING) and (email := email_brought(message)) is not None:
            emails.setdefault(account_named(message) or "", set()).add(email)
    return Together(frozenset(confirming), {key: frozenset(brought) for key, brought in emails.items()})


def persons_to_be(known: View, key: str) -> set[str]:
    """The persons to whom an account may belong by the end of the turn: if it confirms its address in this turn, also
    those who confirmed the same address before, or in this turn too."""
    account = known.accounts.get(key)
    if account is None:
        return {key}
    confirming = known.together.confirming
    if key not in confirming or account.contact_email is None:
        return {account.person}
    others = known.sharing(account.contact_email)
    return {account.person, *(other.person for other in others if other.is_confirmed or other.key in confirming)}
