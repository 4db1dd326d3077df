"""What a requester wants to be told, by which channel, in which language, and when not.

Intake keeps and announces it; notifications decides whom not to tell. The page is docs/accounts.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from contracts import zones
from contracts.accounts import SetPreferences
from contracts.notifications import SWITCHABLE_CHANNELS, SWITCHABLE_KINDS
from contracts.payload import plain
from services.chassis.decision import Decision, Message
from services.intake.domain import answers
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, AccountWritten, preferences_changed

SET = ("language", "notify", "quiet_hours")


def set_preferences(view: View, message: Message[SetPreferences], caller: Caller, _: datetime) -> Decision:
    """`account.set_preferences`: what the command gives replaces all that was set; what it leaves out is unset."""
    faults = _faults(message.data)
    if faults:
        return Decision(answer=answers.invalid(faults))
    key = caller.requester.account
    account = view.accounts.get(key) or Account(key, 0, None, 0)
    sent = plain(message.data)
    wanted = {name: sent[name] for name in SET if name in sent}
    done = answers.done(account.id)
    if wanted == (account.preferences or {}):
        return Decision(answer=done)
    account = replace(
        account,
        version=account.version + 1,
        preferences=wanted,
        preferences_version=account.preferences_version + 1,
    )
    return Decision([AccountWritten(account)], [preferences_changed(account)], done)


def _faults(data: SetPreferences) -> dict[str, list[str]]:
    """What is wrong, by field."""
    faults: dict[str, list[str]] = {}
    for kind, by_channel in (data.notify or {}).items():
        if kind not in SWITCHABLE_KINDS:
            faults[f"notify.{kind}"] = [f"must be one of {', '.join(SWITCHABLE_KINDS)}"]
        for channel in by_channel:
            if channel not in SWITCHABLE_CHANNELS:
                faults[f"notify.{kind}.{channel}"] = [f"must be one of {', '.join(SWITCHABLE_CHANNELS)}"]
    hours = data.quiet_hours
    if hours is not None and hours.time_zone not in zones.names():
        faults["quiet_hours.time_zone"] = ["must be a time zone of the IANA database, such as Europe/Berlin"]
    return faults
