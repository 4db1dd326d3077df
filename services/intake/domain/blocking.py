"""Requesters whom a supervisor has blocked: what they still may, and how they are blocked and let in again.

A block is kept with the account whose the person is, so it holds for every account of theirs, and it ends by the clock.
The page is docs/abuse.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts import topology
from services.chassis.decision import Answer, Decision, Message, Say, rejected
from services.intake.domain import answers
from services.intake.domain.accounts import Account, AccountWritten, temporary_key
from services.intake.domain.requesters import Caller
from services.intake.domain.state import State

STILL_THEIRS = frozenset(
    {
        "ticket.list",
        "ticket.view",
        "attachment.download",
        "account.set_preferences",
        "account.export",
        "account.erase",
    }
)
"""What a blocked requester may do: look at what is theirs, want no mails, and use the rights that each person has."""


def refusal(state: State, message: Message[Any], asking: Caller, now: datetime) -> Answer | None:
    """`forbidden`, with the end of the block in `retry_at`, for whatever a blocked requester sends."""
    if message.type in STILL_THEIRS:
        return None
    account = next((one for one in _persons(state, message, asking) if one.is_blocked(now)), None)
    if account is None:
        return None
    sentence = "You cannot write to the help desk. You can still look at your cases."
    until = account.blocked_until
    if until is None:
        return rejected("forbidden", sentence)
    return rejected("forbidden", sentence, retry_at=until)


def block(state: State, message: Message[Any], now: datetime) -> Decision:
    """`requester.block`: nothing that the person sends reaches the desk, until a moment or for good. Who is blocked is
    blocked from now on as this command says."""
    account = _named(state, message)
    if isinstance(account, Answer):
        return Decision(answer=account)
    until = message.data.get("until")
    if until is not None and until <= now:
        return Decision(answer=answers.invalid({"until": ["It is over already."]}))
    agent, reason = message.data["agent_id"], message.data["reason"]
    blocked = replace(
        account,
        version=account.version + 1,
        blocked_at=now,
        blocked_until=until,
        blocked_by=agent,
        blocked_reason=reason,
    )
    ends = {} if until is None else {"until": until}
    return _said(message, "requester.blocked", blocked, {"reason": reason, **ends}, now)


def unblock(state: State, message: Message[Any], now: datetime) -> Decision:
    """`requester.unblock`: the person may write again."""
    account = _named(state, message)
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
    reason = message.data.get("reason")
    return _said(message, "requester.unblocked", let_in, {} if reason is None else {"reason": reason}, now)


def _named(state: State, message: Message[Any]) -> Account | Answer:
    """The account whose the person is whom a supervisor names; of a channel's own also one not heard of yet."""
    key = key_named(message)
    agent_id = message.data["agent_id"]
    if state.staff is None or not state.staff.has_role(agent_id, "supervisor", "manager"):
        return answers.no_supervisor()
    named = state.accounts.get(key)
    if named is None:
        if key.startswith("temporary:"):
            return answers.invalid({"account_id": ["There is no such temporary account."]})
        return Account(key, 0, None, 0)
    return state.accounts.get(named.person, named)


def _persons(state: State, message: Message[Any], asking: Caller) -> list[Account]:
    """The accounts whose the persons are who send it: for a merge also that of the account which is merged."""
    keys = [asking.person]
    if message.type == "account.merge":
        merged = state.accounts.get(temporary_key(message.data["temporary"]["account_id"]))
        keys += [] if merged is None else [merged.person]
    return [state.accounts[key] for key in keys if key in state.accounts]


def key_named(message: Message[Any]) -> str:
    """The key of the account that `requester.block` or `requester.unblock` names."""
    return f"{message.data.get('kind', 'account')}:{message.data['account_id']}"


def _said(message: Message[Any], event: str, account: Account, more: dict[str, object], now: datetime) -> Decision:
    """The account stored, and the event, about the account that was named."""
    kind, _, id_ = key_named(message).partition(":")
    data = {"account_id": id_, "kind": kind, "agent_id": message.data["agent_id"], "at": now, **more}
    said = [Say(topology.EVENTS, event, event, data, id_)]
    return Decision([AccountWritten(account)], said, Answer("command.accepted", {}, id_))
