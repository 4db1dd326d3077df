"""`account.view`: what the desk keeps about an account, for its owner. Nothing changes and nothing is remembered.

The page is docs/accounts.md.
"""

from __future__ import annotations

from datetime import datetime

from contracts.accounts import AccountViewed, ViewAccount
from services.chassis.decision import Answer, Decision, Message
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, named, preferences_of


def view_account(view: View, _: Message[ViewAccount], caller: Caller, __: datetime) -> Decision:
    """The account that asks. Of a channel's account the desk may keep nothing yet."""
    account = view.accounts.get(caller.requester.account) or Account(caller.requester.account, 0, None, 0)
    viewed = AccountViewed(
        account=named(account.key),
        person=named(caller.person),
        display_name=caller.requester.display_name,
        contact_email=account.contact_email,
        confirmed=account.is_confirmed,
        **preferences_of(account),
    )
    return Decision(answer=Answer("account.viewed", viewed, account.id))
