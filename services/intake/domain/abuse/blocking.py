"""Requesters whom a supervisor has blocked: what they may still do, and how a block begins and ends.

The account that stands for the person keeps the block, so it holds for all of their accounts; it ends by the clock.
The page is docs/abuse.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.accounts import (
    Block,
    Blocked,
    EraseAccount,
    ExportAccount,
    MergeAccounts,
    SetPreferences,
    Unblock,
    Unblocked,
    ViewAccount,
)
from contracts.attachments import Download
from contracts.common import RequesterKind
from contracts.names import EVENTS
from contracts.tickets import ListTickets, ViewTicket
from services.chassis.decision import Answer, Decision, Message, Say, rejected
from services.intake.domain import answers
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.needs import AccountOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, AccountWritten, temporary_key

STILL_THEIRS = (ListTickets, ViewTicket, ViewAccount, Download, SetPreferences, ExportAccount, EraseAccount)
"""What a blocked requester may do: look at what is theirs, switch mails off, and use the rights that every person
has."""


def refusal(view: View, message: Message[Any], asking: Caller, now: datetime) -> Answer | None:
    """`forbidden`, with the end of the block in `retry_at`, for whatever a blocked requester sends."""
    if isinstance(message.data, STILL_THEIRS):
        return None
    account = next((account for account in _persons(view, message, asking) if account.is_blocked(now)), None)
    if account is None:
        return None
    sentence = "You cannot write to the help desk. You can still look at your cases."
    until = account.blocked_until
    return rejected("forbidden", sentence, retry_at=until)


def block(view: View, message: Message[Block], now: datetime) -> Decision:
    """`requester.block`: nothing that the person sends reaches the desk, until a moment or for good. It replaces an
    earlier block."""
    account = _named(view, message)
    if isinstance(account, Answer):
        return Decision(answer=account)
    until = message.data.until
    if until is not None and until <= now:
        return Decision(answer=answers.invalid({"until": ["This time has already passed."]}))
    agent, reason = message.data.agent_id, message.data.reason
    blocked = replace(
        account,
        version=account.version + 1,
        blocked_at=now,
        blocked_until=until,
        blocked_by=agent,
        blocked_reason=reason,
    )
    kind, id_ = _kind_and_id(message)
    event = Blocked(account_id=id_, kind=kind, agent_id=agent, at=now, reason=reason, until=until)
    return _said("requester.blocked", blocked, event)


def unblock(view: View, message: Message[Unblock], now: datetime) -> Decision:
    """`requester.unblock`: the person may write again."""
    account = _named(view, message)
    if isinstance(account, Answer):
        return Decision(answer=account)
    if not account.is_blocked(now):
        return Decision(answer=rejected("wrong_status", "This requester is not blocked."))
    let_in = replace(
        account,
        version=account.version + 1,
        blocked_at=None,
        blocked_until=None,
        blocked_by=None,
        blocked_reason=None,
    )
    kind, id_ = _kind_and_id(message)
    agent, reason = message.data.agent_id, message.data.reason
    event = Unblocked(account_id=id_, kind=kind, agent_id=agent, at=now, reason=reason)
    return _said("requester.unblocked", let_in, event)


def _named(view: View, message: Message[Unblock]) -> Account | Answer:
    """The account that stands for the person whom a supervisor names; also one of a channel that intake has not
    seen."""
    key = key_named(message)
    agent_id = message.data.agent_id
    if view.staff is None or not view.staff.has_role(agent_id, "supervisor", "manager"):
        return answers.no_supervisor()
    named = view.accounts.get(key)
    if named is None:
        if key.startswith("temporary:"):
            return answers.invalid({"account_id": ["There is no such temporary account."]})
        return Account(key, 0, None, 0)
    return view.accounts.get(named.person, named)


def _persons(view: View, message: Message[Any], asking: Caller) -> list[Account]:
    """The accounts that stand for the persons who send it; a merge has two."""
    keys = [asking.person]
    if isinstance(message.data, MergeAccounts):
        merged = view.accounts.get(temporary_key(message.data.temporary.account_id))
        keys += [] if merged is None else [merged.person]
    return [view.accounts[key] for key in keys if key in view.accounts]


def key_named(message: Message[Unblock]) -> str:
    """The key of the account that `requester.block` or `requester.unblock` names."""
    kind, id_ = _kind_and_id(message)
    return f"{kind}:{id_}"


def _kind_and_id(message: Message[Unblock]) -> tuple[RequesterKind, str]:
    return message.data.kind or "account", message.data.account_id


def _said(type_: str, account: Account, event: Unblocked) -> Decision:
    """Store the account, and announce the event about the account that was named."""
    said = [Say(EVENTS, type_, type_, event, event.account_id)]
    return Decision([AccountWritten(account)], said, answers.done(event.account_id))


def block_needed(known: View, message: Message[Unblock]) -> Iterable[Need]:
    """The account that is named, and the one that stands for its person."""
    key = key_named(message)
    yield AccountOf(key)
    account = known.accounts.get(key)
    if account is not None:
        yield AccountOf(account.person)
