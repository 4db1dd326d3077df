"""Opens a temporary account, for somebody who has none. Its end is in expiry.py; the page is docs/accounts.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from contracts.accounts import OpenTemporary, TemporaryOpened, TemporaryOpenedOutcome
from contracts.names import EVENTS
from services.chassis.decision import Answer, Decision, Message, Say, derived_id
from services.intake.domain import answers
from services.intake.domain.accounts.caller import NAMELESS
from services.intake.domain.needs import CodeMailedTo, Need
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, AccountWritten, contact_changed, ends, temporary_key
from services.intake.domain.values.mailed_code import mailed, next_code_at

OPENED = "account.temporary_opened"
"""The type of the answer, in which the secret leaves the desk, and of the event."""

SECRET = "-"
"""Stands for the secret in what is stored."""


def open_temporary(view: View, message: Message[OpenTemporary], now: datetime) -> Decision:
    """`account.open_temporary`: an account for somebody who has none.

    Its secret joins the answer when that is published. A code is mailed to its address, unless one was mailed there
    recently: then the answer says when to ask for it.
    """
    if message.key in view.prepared.open_again_at:
        return Decision(answer=answers.too_many_openings(view.prepared.open_again_at[message.key]))
    account_id = derived_id("account", message.key)
    expires_at = now + view.temporary_lasts
    account = Account(
        key=temporary_key(account_id),
        version=1,
        contact_email=None,
        contact_version=0,
        display_name=message.data.display_name or NAMELESS,
        secret_hash=view.prepared.secret_hashes[message.key],
        opened_at=now,
        expires_at=expires_at,
    )
    changes: list[object] = []
    event = TemporaryOpened(account_id=account_id, expires_at=expires_at)
    said = [Say(EVENTS, OPENED, OPENED, event, account_id)]
    code_at = None
    email = message.data.contact_email
    if email is not None:
        last = view.code_mailed(email)
        code_at = next_code_at(last, now)
        account = replace(account, contact_email=email, contact_version=1, code_version=0 if code_at else 1)
        said.append(contact_changed(account))
        if code_at is None:
            changes.append(mailed(last, email, now))
    opened = TemporaryOpenedOutcome(account_id=account_id, secret=SECRET, expires_at=expires_at, code_at=code_at)
    answer = Answer(OPENED, opened, account_id)
    return Decision([AccountWritten(account), *changes], said, answer, [ends(account.key, expires_at)])


def opening_needed(_known: View, message: Message[OpenTemporary]) -> Iterable[Need]:
    """When a code was mailed to the address of a temporary account that is to be opened."""
    if message.data.contact_email is not None:
        yield CodeMailedTo(message.data.contact_email)
