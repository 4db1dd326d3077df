"""How much a requester may write in an hour: to one ticket, and in all.

The counts are in the ticket and the account, which turns read and write anyway, so the limits hold for any number of
instances. The page is docs/automatic.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from contracts.outcomes import Rejected
from contracts.values import dataclass
from services.chassis.decision import Answer, Decision, rejected
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, AccountWritten
from services.intake.domain.values.ticket import Ticket

HOUR = timedelta(hours=1)


def of_ticket(view: View, ticket: Ticket, now: datetime) -> Answer | None:
    """`rate_limited`, if the requester has written to the ticket as often as they may in an hour."""
    most, count = view.limits.ticket, _counted(ticket, now)
    if count < most or ticket.wrote_since is None:
        return None
    return _refused(f"You have written to this case {most} times within an hour.", ticket.wrote_since)


def one_more(ticket: Ticket, now: datetime) -> dict[str, Any]:
    """What changes in a ticket to which its requester writes."""
    count = _counted(ticket, now)
    return {"wrote": count + 1, "wrote_since": ticket.wrote_since if count else now}


@dataclass(frozen=True, slots=True)
class Written:
    """How often a person has written within the hour that began at `since`."""

    since: datetime
    count: int


def counted(view: View, caller: Caller, automatic: bool, now: datetime, write: Callable[[], Decision]) -> Decision:
    """Decide and count what a requester writes; `rate_limited` once it is too much. `automatic`: a machine wrote it."""
    before = written(view, caller.person, now)
    return (
        Decision(answer=refused)
        if (refused := of_requester(view, before))
        else counting(view, caller, write(), before, automatic)
    )


def of_requester(view: View, before: Written) -> Answer | None:
    """`rate_limited`, if the person has written as often as they may in an hour, to all tickets together."""
    most = view.limits.requester
    if before.count < most:
        return None
    return _refused(f"You have written to us {most} times within an hour.", before.since)


def counting(view: View, caller: Caller, decision: Decision, before: Written, automatic: bool) -> Decision:
    """The same decision about a message of a requester, counted for the person unless it was refused. `before`: what
    they had written when it came.

    The account does not record the first message of an hour: the ticket tells of it. From the second on it does, so
    that two turns that count the same person conflict. (A machine may write to closed tickets, which later turns do not
    read: so the account records all of these.)
    """
    if decision.answer is None or isinstance(decision.answer.data, Rejected):
        return decision
    if not before.count and not automatic:
        return decision
    counted: dict[str, Any] = {"wrote": before.count + 1, "wrote_since": before.since}
    for place, change in enumerate(decision.changes):
        if isinstance(change, AccountWritten) and change.account.key == caller.person:
            changes = list(decision.changes)
            changes[place] = AccountWritten(replace(change.account, **counted))
            return replace(decision, changes=changes)
    account = view.accounts.get(caller.person) or Account(caller.person, 0, None, 0)
    written = AccountWritten(replace(account, version=account.version + 1, **counted))
    return replace(decision, changes=[*decision.changes, written])


def written(view: View, person: str, now: datetime) -> Written:
    """What the person has written within an hour: as their account says, or, while it says nothing, their tickets."""
    account = view.accounts.get(person)
    if account is not None and account.wrote_since is not None and (count := _counted(account, now)):
        return Written(account.wrote_since, count)
    tickets = [ticket for ticket in view.of_person(person) if _counted(ticket, now)]
    since = min((ticket.wrote_since for ticket in tickets if ticket.wrote_since is not None), default=now)
    return Written(since, sum(ticket.wrote for ticket in tickets))


def _counted(counter: Ticket | Account, now: datetime) -> int:
    """The messages that still count. (The clock may have been set back meanwhile.)"""
    return counter.wrote if counter.wrote_since is not None and abs(now - counter.wrote_since) < HOUR else 0


def _refused(sentence: str, since: datetime) -> Answer:
    return rejected("rate_limited", f"{sentence} Please try again later.", retry_at=since + HOUR)
