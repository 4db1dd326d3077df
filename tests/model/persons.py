"""Who asks, and what becomes of them: accounts that end, are merged, or are one person.

A part of the model (reference.py). Shares no code with the services. The
page is docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from tests.model.agents import STAFF, Agents
from tests.model.cases import (
    ERASED,
    MAILED_EVERY,
    TEMPORARY_LASTS,
    Broken,
    Case,
    Data,
    Verdict,
    account_of,
    refused,
)


@dataclass
class Temporary:
    """A temporary account."""

    name: str
    email: str | None
    opened_at: datetime
    ended: bool = False
    merged: bool = False
    merged_into: str | None = None
    confirmed: bool = False
    leads: bool = False
    """Others have joined it."""


@dataclass(frozen=True)
class Erasure:
    """Somebody who was erased, by the accounts that were theirs."""

    id: str
    accounts: frozenset[str]
    at: datetime
    content: bool


WRONG_CODE = "00000000"


class Persons(Agents):
    """All cases by number. `late_news`: whether news between the services is still on its way. This excuses intake for
    not knowing yet from when on a ticket may be escalated, or who is signed on."""

    def __init__(self, late_news: Callable[[], bool] = lambda: False) -> None:
        super().__init__()
        self.cases: dict[str, Case] = {}
        self.temporary: dict[str, Temporary] = {}
        """In the order in which they were opened, then confirmed."""
        self.joined: dict[str, str] = {}
        """Of accounts that are one person with another: whose person theirs is."""
        self.mailed_at: dict[str, datetime] = {}
        """When a code was last mailed, by address."""
        self.blocked: dict[str, datetime | None] = {}
        """Persons from whom the desk accepts nothing, and until when; None: until a supervisor lets them in again."""
        self.erasures: list[Erasure] = []
        self.late_news = late_news

    def holder(self, person: str, key: str) -> Case | None:
        """The person's open case for that issue."""
        return next(
            (case for case in self.cases.values() if case.is_open and (case.person, case.key) == (person, key)), None
        )

    def opened_account(self, data: Data, now: datetime, answered: Data) -> list[Case]:
        email = data.get("contact_email")
        self.temporary[answered["account_id"]] = Temporary(data["display_name"], email, now)
        told = answered.get("code_at")
        if (told and datetime.fromisoformat(told)) != self._next_code_at(email, now):
            raise Broken(f"an account is opened with {email} at {now}, another code may be mailed there from {told} on")
        if email is not None and told is None:
            self.mailed_at[email] = now
        return []

    def _next_code_at(self, email: str | None, now: datetime) -> datetime | None:
        """From when on another code may be mailed to an address, if not now: ten minutes after the last."""
        last = self.mailed_at.get(email or "")
        return None if last is None or now - last >= MAILED_EVERY else last + MAILED_EVERY

    def person_of(self, data: Data) -> str:
        """For whom a command counts."""
        return self.joined.get(account_of(data), account_of(data))

    def is_blocked(self, person: str, now: datetime) -> bool:
        """Whether the desk takes nothing from that person now."""
        until = self.blocked.get(person, now)
        return until is None or until > now

    def turned_away(self, data: Data, now: datetime) -> bool:
        """Whether it comes from a blocked person, or would merge one into another."""
        if "requester" not in data:
            return False
        whose = [data, {"requester": {"temporary": data["temporary"]}}] if "temporary" in data else [data]
        return any(self.is_blocked(self.person_of(key), now) for key in whose)

    def blocks(self, data: Data, now: datetime, blocks: bool) -> Verdict:
        """Any supervisor may, for the person behind the account."""
        if not {"supervisor", "manager"} & set(STAFF[data["agent_id"]]["roles"]):
            return refused("forbidden")
        kind, id_ = data.get("kind", "account"), data["account_id"]
        until = datetime.fromisoformat(data["until"]) if "until" in data else None
        if (kind == "temporary" and id_ not in self.temporary) or (until is not None and until <= now):
            return refused("invalid")
        person = self.joined.get(f"{kind}:{id_}", f"{kind}:{id_}")
        if not blocks and not self.is_blocked(person, now):
            return refused("wrong_status")

        def effect() -> list[Case]:
            self.blocked.pop(person, None)
            if blocks:
                self.blocked[person] = until
            return []

        return self.accepted(effect)

    def confirm(self, data: Data, now: datetime) -> Verdict:
        """Two accounts that have each confirmed one address are one person: the later joins the earliest. Without a
        code, it is mailed again."""
        id_ = data["requester"]["temporary"]["account_id"]
        account = self.temporary[id_]
        if account.email is None:
            return refused("wrong_status")
        if data.get("code") is None:
            if account.confirmed:
                return refused("wrong_status")
            if self._next_code_at(account.email, now) is not None:
                return refused("rate_limited")
            return self.accepted(partial(self._mailed, account.email, now))
        if data["code"] == WRONG_CODE:
            return refused("invalid", "rate_limited")
        return Verdict({"rate_limited"}, "command.accepted", partial(self._confirmed, id_, now))

    def _mailed(self, email: str, now: datetime) -> list[Case]:
        self.mailed_at[email] = now
        return []

    def _confirmed(self, id_: str, now: datetime) -> list[Case]:
        account = self.temporary[id_]
        if account.confirmed:
            return []
        before = [
            (other_id, other)
            for other_id, other in self.temporary.items()
            if other.confirmed and not other.ended and other.email == account.email
        ]
        account.confirmed = True
        self.temporary[id_] = self.temporary.pop(id_)
        key = f"temporary:{id_}"
        if not before or account.leads or key in self.joined:
            return []
        first_id, first = before[0]
        person = self.joined.get(f"temporary:{first_id}", f"temporary:{first_id}")
        first.leads, self.joined[key] = True, person
        return self._moved([case for case in self.cases.values() if case.person == key], person, now)

    def merge_account(self, data: Data, now: datetime) -> Verdict:
        """The cases of a temporary account with an address go to a real one, and it ends."""
        id_ = data["temporary"]["account_id"]
        account = self.temporary.get(id_)
        if "temporary" in data["requester"]:
            return refused("forbidden")
        if account is None or account.ended:
            return refused("unauthenticated", "rate_limited")
        if account.email is None:
            return refused("forbidden")

        def effect() -> list[Case]:
            account.ended, account.merged, account.merged_into = True, True, account_of(data)
            theirs = [case for case in self.cases.values() if case.account == f"temporary:{id_}"]
            for case in theirs:
                case.account = account_of(data)
            return self._moved(theirs, self.person_of(data), now)

        return self.accepted(effect)

    def _moved(self, cases: list[Case], person: str, now: datetime) -> list[Case]:
        """Cases become another person's; where both have an issue open, the newer is merged into the older, in which
        the desk then has to answer what it has not answered there."""
        changed: list[Case] = []
        for case in sorted(cases, key=lambda other_case: (other_case.opened_at, other_case.number)):
            holder = self.holder(person, case.key) if case.is_open else None
            if holder is None or holder is case:
                changed += self.changed(case, now, person=person)
            elif (holder.opened_at, holder.number) <= (case.opened_at, case.number):
                case.person = person
                changed += self._one_for_both(holder, case, now)
            else:
                changed += self._one_for_both(case, holder, now, moves_to=person)
        return changed

    def _one_for_both(self, older: Case, newer: Case, now: datetime, moves_to: str | None = None) -> list[Case]:
        """The newer case is merged into the older, which may have to move first."""
        waits_since = newer.unanswered_since
        changed = self.closed(newer, now, merged_into=older.number)
        if moves_to is not None:
            changed += self.changed(older, now, person=moves_to)
        return changed + self._took_in(older, newer, now, waits_since)

    def is_nobody(self, data: Data) -> bool:
        named = data.get("requester", {}).get("temporary")
        account = self.temporary.get(named["account_id"]) if named else None
        return named is not None and (account is None or account.ended)

    def ended(self, account_id: str, now: datetime) -> None:
        """A temporary account ends: 30 days after its last case was closed, or its opening. Else raises `Broken`."""
        account, theirs = self.temporary[account_id], f"temporary:{account_id}"
        if account.merged:
            return
        cases = [case for case in self.cases.values() if case.account == theirs]
        since = max([account.opened_at, *(case.closed_at for case in cases if case.closed_at is not None)])
        if account.ended or any(case.is_open for case in cases) or now < since + TEMPORARY_LASTS:
            raise Broken(f"the temporary account {account_id} ends at {now}, in use since {since}: {cases}")
        account.ended = True

    def erase(self, data: Data, now: datetime) -> Verdict:
        """All accounts that are one person end, and what they have open closes; what is closed goes with the time."""
        keys, before = {account_of(data), self.person_of(data)}, set[str]()
        while keys != before:
            before = set(keys)
            keys |= {key for key, person in self.joined.items() if person in keys}
            keys |= {f"temporary:{id_}" for id_, owner in self.temporary.items() if owner.merged_into in keys}
            keys |= {self.joined[key] for key in keys if key in self.joined}

        def effect() -> list[Case]:
            erasure = Erasure(f"erased:{len(self.erasures)}", frozenset(keys), now, bool(data.get("content")))
            self.erasures.append(erasure)
            blocked = [self.blocked[key] for key in sorted(keys) if self.is_blocked(key, now)]
            for key in keys:
                self.joined.pop(key, None)
                if blocked:
                    self.blocked[key] = blocked[0]
                if account := self.temporary.get(key.removeprefix("temporary:")):
                    account.ended, account.merged, account.email, account.merged_into = True, True, None, None
            theirs = sorted(
                (case for case in self.cases.values() if case.is_open), key=lambda other_case: other_case.number
            )
            return [part for case in theirs if case.person in keys for part in self._cut_off(case, erasure, now)]

        return self.accepted(effect)

    def erasure_of(self, case: Case) -> Erasure | None:
        """By which a case is to belong to nobody."""
        return next(
            (erasure for erasure in self.erasures if case.person in erasure.accounts and case.opened_at <= erasure.at),
            None,
        )

    def _cut_off(self, case: Case, erasure: Erasure, now: datetime) -> list[Case]:
        fields: dict[str, Any] = {"name": ERASED, "person": erasure.id, "account": erasure.id, "erased": True}
        if erasure.content:
            fields |= {"subject": ERASED, "issue_key": None, "said": "", "said_at": None}
        for name, value in fields.items():
            setattr(case, name, value)
        return self.closed(case, now) if case.is_open else self.changed(case, now)

    def erased(self, number: str, now: datetime) -> list[Case]:
        """A case of an account that has ended, or of a person who is erased, no longer says whose it was."""
        case = self.cases[number]
        erasure = self.erasure_of(case)
        if erasure is not None:
            return self._cut_off(case, erasure, now)
        account = self.temporary.get(case.account.removeprefix("temporary:"))
        if account is None or not account.ended or case.name == ERASED:
            raise Broken(f"the name in {number} is erased, though {case.account} has not ended")
        case.name, case.erased = ERASED, True
        return self.changed(case, now)

    def accepted(self, effect: Callable[[], list[Case]]) -> Verdict:
        return Verdict(outcome="command.accepted", effect=effect)

    def changed(self, case: Case, now: datetime, status: str | None = None, **fields: Any) -> list[Case]:
        """Returns the case as it stands then: it may change once more by the same command."""
        case.enter(status or case.status, now)
        for name, value in fields.items():
            setattr(case, name, value)
        return [replace(case)]

    def closed(self, case: Case, now: datetime, merged_into: str | None = None) -> list[Case]:
        fields = {"closed_at": now, "consent": None, "unanswered_since": None, "merged_into": merged_into}
        return self.changed(case, now, "closed", **fields)

    def merged(self, case: Case, other: Case, now: datetime) -> list[Case]:
        waits_since = case.unanswered_since
        closed = self.closed(case, now, merged_into=other.number)
        return closed + self._took_in(other, case, now, waits_since)

    def _took_in(self, case: Case, other: Case, now: datetime, waits_since: datetime | None) -> list[Case]:
        """The case that goes on has the pointer and the other's links, is escalated if either was, and has to be
        answered since the other had to be."""
        status = None
        if waits_since is not None:
            case.unanswered_since = min(waits_since, case.unanswered_since or waits_since)
            status = "new" if case.status == "new" else "needs_reply"
        return self.changed(
            case,
            now,
            status,
            links=(case.links | other.links | {other.number}) - {case.number},
            escalated=case.escalated or other.escalated,
            wrote_at=max(case.wrote_at, other.wrote_at),
        )
