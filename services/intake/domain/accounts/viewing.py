"""`account.view`: what the desk keeps about an account, for its owner. Nothing changes and nothing is remembered.

The page is docs/accounts.md.
"""

from __future__ import annotations

from datetime import datetime

from contracts.accounts import AccountViewed, QuietHours, ViewAccount
from contracts.common import NamedAccount
from contracts.payload import stored
from services.chassis.decision import Answer, Decision, Message
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, kind_and_id


def view_account(view: View, _: Message[ViewAccount], caller: Caller, __: datetime) -> Decision:
    """The account that asks. Of a channel's account the desk may keep nothing yet."""
    account = view.accounts.get(caller.requester.account) or Account(caller.requester.account, 0, None, 0)
    wanted = account.preferences or {}
    hours = wanted.get("quiet_hours")
    viewed = AccountViewed(
        account=_named(account.key),
        person=_named(caller.person),
        display_name=caller.requester.display_name,
        contact_email=account.contact_email,
        confirmed=account.is_confirmed,
        language=wanted.get("language"),
        notify=wanted.get("notify"),
        quiet_hours=None if hours is None else stored(QuietHours, hours),
    )
    return Decision(answer=Answer("account.viewed", viewed, account.id))


def _named(key: str) -> NamedAccount:
    kind, id_ = kind_and_id(key)
    return NamedAccount(kind=kind, account_id=id_)
