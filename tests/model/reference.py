"""What the help desk has to do, in as little Python as will say it: the model that the services are held to.

Written from the rules of the help desk, not from the code, and shares none with it: what each command makes of a case,
or why it is refused. It learns what the database has committed, in that order. The page is docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from tests.model.cases import (
    DESKS_TURN,
    ESCALATED_AFTER,
    STARTS_WORK,
    TEMPORARY_LASTS,
    WEEK,
    Broken,
    Case,
    Data,
    account_of,
    issue,
    may_have,
    may_reopen,
)


@dataclass
class Verdict:
    """The codes with which a command may be refused; its outcome, if it takes effect, and what it does then."""

    codes: set[str] = field(default_factory=set)
    outcome: str | None = None
    effect: Callable[[], list[Case]] = list


@dataclass
class Temporary:
    """A temporary account."""

    name: str
    email: str | None
    opened_at: datetime
    ended: bool = False
    merged: bool = False
    confirmed: bool = False
    leads: bool = False
    """Others have joined it."""


def refused(*codes: str) -> Verdict:
    """It has no effect, for one of these reasons."""
    return Verdict(set(codes))


WRONG_CODE = "00000000"


class Model:
    """All cases by number. `late_news`: whether news between the services are still on their way, which excuses that
    intake does not know yet from when on a ticket may be escalated, or who is signed on."""

    def __init__(self, late_news: Callable[[], bool] = lambda: False) -> None:
        self.cases: dict[str, Case] = {}
        self.agents: dict[str, Data] = {}
        """Who is signed on, with what they said."""
        self.known_agents: dict[str, Data] = {}
        """Whoever signed on once."""
        self.temporary: dict[str, Temporary] = {}
        """In the order in which they were opened, then confirmed."""
        self.joined: dict[str, str] = {}
        """Of accounts that are one person with another: whose person theirs is."""
        self.late_news = late_news

    def take(self, type_: str, user: str, data: Data, now: datetime, answer: Data) -> list[Case]:
        """One command that was committed, with its outcome; gives the cases that it changed. Raises `Broken`."""
        verdict = self._verdict(type_, user, data, now, answer)
        came = answer["type"]
        if came == "command.rejected" and answer["data"]["code"] in verdict.codes:
            return []
        if came != verdict.outcome:
            code = answer["data"].get("code", "")
            raise Broken(
                f"{type_} of {user} was answered {came} {code}, not {verdict.outcome} {sorted(verdict.codes)}: {data}"
            )
        changed = verdict.effect()
        held = [(case.person, case.key) for case in self.cases.values() if case.is_open]
        if len(held) != len(set(held)):
            raise Broken(f"after {type_} of {user} somebody has an issue open twice: {data}")
        return changed

    def holder(self, person: str, key: str) -> Case | None:
        """The person's open case for that issue."""
        return next(
            (one for one in self.cases.values() if one.is_open and (one.person, one.key) == (person, key)), None
        )

    def _verdict(self, type_: str, user: str, data: Data, now: datetime, answer: Data) -> Verdict:
        if type_ == "account.open_temporary":
            # How many are opened in a moment is the machine's business, and its clock's.
            opened = partial(self._opened_account, data, now, answer["data"])
            return Verdict({"rate_limited"}, "account.temporary_opened", opened)
        if self._is_nobody(data):
            return refused("unauthenticated", "rate_limited")
        if type_.startswith("agent."):
            return self._of_presence(type_, data)
        if type_ == "account.confirm_contact":
            return self._confirm(data, now)
        if type_ == "account.merge":
            return self._merge_account(data, now)
        if type_ == "ticket.submit":
            return self._submit(data, now, answer)
        case = self.cases.get(data["number"])
        if case is None:
            return refused("unknown_ticket")
        if type_ in ("ticket.assign", "ticket.unassign", "ticket.auto_close"):
            return self._of_service(type_, data, case, now)
        if "requester" in data and self.person_of(data) != case.person:
            return refused("forbidden")
        if "requester" in data or "moderator" in data:
            return self._of_requester(type_, data, case, now, answer)
        return self._of_agent(type_, data, case, now)

    def _of_presence(self, type_: str, data: Data) -> Verdict:
        agent = data["agent_id"]
        if type_ == "agent.sign_on":
            return Verdict(outcome="command.accepted", effect=lambda: self._signed_on(data))
        if agent not in (self.known_agents if type_ == "agent.sign_off" else self.agents):
            return refused("wrong_status")
        if type_ == "agent.sign_off":
            return Verdict(outcome="command.accepted", effect=lambda: self.signed_off(agent))
        return Verdict(outcome="command.accepted")

    def _signed_on(self, data: Data) -> list[Case]:
        self.agents[data["agent_id"]] = self.known_agents[data["agent_id"]] = data
        return []

    def signed_off(self, agent: str) -> list[Case]:
        """By themselves, or because they went offline."""
        self.agents.pop(agent, None)
        return []

    def _opened_account(self, data: Data, now: datetime, answered: Data) -> list[Case]:
        self.temporary[answered["account_id"]] = Temporary(data["display_name"], data.get("contact_email"), now)
        return []

    def person_of(self, data: Data) -> str:
        """For whom a command counts."""
        return self.joined.get(account_of(data), account_of(data))

    def _confirm(self, data: Data, now: datetime) -> Verdict:
        """Two accounts that have each confirmed one address are one person: the later joins the earliest."""
        id_ = data["requester"]["temporary"]["account_id"]
        account = self.temporary[id_]
        if account.email is None:
            return refused("wrong_status")
        if data["code"] == WRONG_CODE:
            return refused("invalid", "rate_limited")
        return Verdict({"rate_limited"}, "command.accepted", partial(self._confirmed, id_, now))

    def _confirmed(self, id_: str, now: datetime) -> list[Case]:
        account = self.temporary[id_]
        if account.confirmed:
            return []
        before = [
            (other_id, one)
            for other_id, one in self.temporary.items()
            if one.confirmed and not one.ended and one.email == account.email
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

    def _merge_account(self, data: Data, now: datetime) -> Verdict:
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
            account.ended = account.merged = True
            theirs = [case for case in self.cases.values() if case.account == f"temporary:{id_}"]
            for case in theirs:
                case.account = account_of(data)
            return self._moved(theirs, self.person_of(data), now)

        return self._accepted(effect)

    def _moved(self, cases: list[Case], person: str, now: datetime) -> list[Case]:
        """Cases become another person's; where both have an issue open, the newer is merged into the older."""
        changed: list[Case] = []
        for case in sorted(cases, key=lambda one: (one.opened_at, one.number)):
            holder = self.holder(person, case.key) if case.is_open else None
            if holder is case:
                holder = None
            if holder is not None and (holder.opened_at, holder.number) <= (case.opened_at, case.number):
                case.person = person
                changed += self._merged(case, holder, now)
                continue
            if holder is not None:
                self._closed(holder, now)
                holder.merged_into = case.number
                case.links = case.links | {holder.number}
                changed.append(holder)
            case.person = person
            changed += self._changed(case, now)
        return changed

    def _is_nobody(self, data: Data) -> bool:
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

    def erased(self, number: str, now: datetime) -> list[Case]:
        """A case of an account that has ended says no more whose it was."""
        case = self.cases[number]
        account = self.temporary.get(case.account.removeprefix("temporary:"))
        if account is None or not account.ended or not case.name:
            raise Broken(f"the name in {number} is erased, though {case.account} has not ended")
        case.name = ""
        return self._changed(case, now)

    def _submit(self, data: Data, now: datetime, answer: Data) -> Verdict:
        person, distinct = self.person_of(data), set(data.get("distinct_from") or ())
        earlier = None
        if data.get("refers_to"):
            earlier = self.cases.get(data["refers_to"])
            if earlier is None:
                return refused("unknown_ticket")
            if earlier.person != person:
                return refused("forbidden")
            earlier = self.goes_on(earlier)
            holder = self.holder(person, earlier.key)
            if holder is None and may_reopen(earlier, now):
                return self._reopened(earlier, now)
            if holder is not None and holder.number not in distinct:
                return self._written(holder, now, "ticket.duplicate")
        plain = key = issue(data["category"], data["subject"], data.get("issue_key"))
        place = 1
        while (holder := self.holder(person, key)) is not None:
            if holder.number not in distinct or not plain.startswith("text:"):
                return self._written(holder, now, "ticket.duplicate")
            place += 1
            key = f"{plain}#{place}"
        if answer["type"] == "ticket.similar":
            return self._similar(data, person, distinct, answer)
        return Verdict(
            outcome="ticket.opened", effect=lambda: self._opened(data, person, key, now, answer["data"], earlier)
        )

    def _similar(self, data: Data, person: str, distinct: set[str], answer: Data) -> Verdict:
        """How alike two texts are is not the model's: but only open cases of the person may be asked about."""
        for candidate in answer["data"]["candidates"]:
            case = self.cases[candidate["number"]]
            if not case.is_open or case.person != person or case.number in distinct:
                return refused("no such question")
        return Verdict(outcome="ticket.similar")

    def _opened(
        self, data: Data, person: str, key: str, now: datetime, answered: Data, earlier: Case | None
    ) -> list[Case]:
        requester, number = data["requester"], answered["ticket"]["number"]
        if number in self.cases:
            raise Broken(f"the number {number} was given twice")
        temporary = requester.get("temporary")
        name = self.temporary[temporary["account_id"]].name if temporary else requester["display_name"]
        tier = requester.get("tier", "standard")
        case = Case(
            number, account_of(data), person, name, tier, data["category"], data["subject"], data["body"],
            data.get("issue_key"), key, now, now, now, links={earlier.number} if earlier else set(),
        )  # fmt: skip
        self.cases[number] = case
        return [case]

    def _of_requester(self, type_: str, data: Data, case: Case, now: datetime, answer: Data) -> Verdict:
        match type_:
            case "ticket.reply":
                case = self.goes_on(case)
                if case.is_open:
                    return self._written(case, now, "command.accepted")
                holder = self.holder(case.person, case.key)
                if holder is not None:
                    return self._written(holder, now, "ticket.duplicate")
                return self._reopened(case, now) if may_reopen(case, now) else refused("closed_too_long")
            case "ticket.escalate":
                return self._escalated(case, now, answer)
            case "ticket.accept_solution":
                may = case.status == "solution_suggested"
                return self._accepted(lambda: self._closed(case, now)) if may else refused("wrong_status")
        if not case.is_open:
            return refused("wrong_status")
        match type_:
            case "ticket.edit":
                new = {name: data[name] for name in ("subject", "body") if data.get(name)}
                if all(getattr(case, name) == text for name, text in new.items()):
                    return refused("invalid")
                return self._accepted(lambda: self._changed(case, now, **new))
            case "ticket.change_agent":
                if case.agent is None:
                    return refused("wrong_status")
                return self._accepted(lambda: self._given(case, None, now, by_people=True))
            case "ticket.answer_consent":
                if case.consent != "asked":
                    return refused("wrong_status")
                granted = "granted" if data["granted"] else "refused"
                return self._accepted(lambda: self._changed(case, now, consent=granted))
        raise Broken(f"the model has no rule for {type_}")

    def _escalated(self, case: Case, now: datetime, answer: Data) -> Verdict:
        if case.status not in DESKS_TURN or case.escalated:
            return refused("wrong_status")
        if case.unanswered_since is None:
            raise Broken(f"{case.number} is {case.status}, though the requester waits for nothing")
        eligible_at = case.unanswered_since + ESCALATED_AFTER[case.tier]
        told = answer["data"].get("eligible_at")
        unknown = {"too_early"} if told is None and self.late_news() else set()
        if now < eligible_at:
            if told is not None and datetime.fromisoformat(told) != eligible_at:
                raise Broken(f"{case.number} may be escalated at {eligible_at}, but {told} was said")
            return refused(*({"too_early"} if told is not None else unknown))
        return Verdict(unknown, "command.accepted", lambda: self._changed(case, now, escalated=True))

    def _of_agent(self, type_: str, data: Data, case: Case, now: datetime) -> Verdict:
        agent, other = data["agent_id"], self.cases.get(data.get("to_number", ""))
        if case.agent != agent:
            if type_ not in ("ticket.add_note", "ticket.link"):
                return refused("forbidden")
            known = self.known_agents.get(agent)
            if known is None or not may_have(known, case):
                return refused("forbidden")
        # Who has signed on just now is not known yet to intake.
        unknown = {"forbidden"} if case.agent != agent and self.late_news() else set()
        if data.get("expected_version") not in (None, case.version):
            return refused("conflict", *unknown)
        faults = self._faults(type_, data, case, other)
        if faults:
            return refused(*faults, *unknown)
        new = data.get("category", case.category)
        effects: dict[str, Callable[[], list[Case]]] = {
            "ticket.start_work": lambda: self._changed(case, now, status="work_in_progress"),
            "ticket.ask_info": lambda: self._answered(case, "need_more_info", now),
            "ticket.suggest_solution": lambda: self._answered(case, "solution_suggested", now),
            "ticket.add_note": lambda: self._changed(case, now),
            "ticket.ask_consent": lambda: self._changed(case, now, consent="asked"),
            "ticket.close": lambda: self._closed(case, now),
            "ticket.reclassify": lambda: self._changed(
                case, now, category=new, key=issue(new, case.subject, case.issue_key)
            ),
            "ticket.transfer": lambda: self._given(case, data.get("to_agent"), now, by_people=True),
            "ticket.link": lambda: self._changed(case, now, links=case.links | {other.number}),  # type: ignore[union-attr]
            "ticket.merge_into": lambda: self._merged(case, other, now),  # type: ignore[arg-type]
        }
        if type_ == "ticket.transfer" and data.get("to_agent") and self.late_news():
            unknown = {"invalid"}
        return Verdict(unknown, "command.accepted", effects[type_])

    def _faults(self, type_: str, data: Data, case: Case, other: Case | None) -> set[str]:
        """All reasons for which the case's agent cannot do that: the desk may name any of them."""
        found = set() if case.is_open else {"wrong_status"}
        if type_ == "ticket.start_work" and case.status not in STARTS_WORK:
            found.add("wrong_status")
        if type_ == "ticket.reclassify":
            holder = self.holder(case.person, issue(data["category"], case.subject, case.issue_key))
            if data["category"] == case.category:
                found.add("invalid")
            elif holder is not None and holder is not case:
                found.add("conflict")
        to_agent = data.get("to_agent")
        if to_agent is not None:
            known = self.agents.get(to_agent)
            if to_agent == case.agent or ((known is None or not may_have(known, case)) and not self.late_news()):
                found.add("invalid")
        if type_ in ("ticket.link", "ticket.merge_into"):
            if other is None:
                found.add("unknown_ticket")
            elif other is case:
                found.add("invalid")
            elif type_ == "ticket.link" and other.number in case.links:
                found.add("conflict")
            elif type_ == "ticket.merge_into" and other.person != case.person:
                found.add("forbidden")
            elif type_ == "ticket.merge_into" and not other.is_open:
                found.add("wrong_status")
        return found

    def _of_service(self, type_: str, data: Data, case: Case, now: datetime) -> Verdict:
        fits = case.is_open and case.seq == data.get("assignment_seq")
        if type_ == "ticket.assign" and fits and case.agent is None:
            if now > datetime.fromisoformat(data["valid_until"]):
                return refused("conflict")
            if data["agent"]["id"] == case.changed_from:
                raise Broken(f"{case.number} goes back to {case.changed_from}, from whom it was changed away")
            return self._accepted(lambda: self._given(case, data["agent"]["id"], now, by_people=False))
        if type_ == "ticket.unassign" and fits and case.agent is not None:
            return self._accepted(lambda: self._given(case, None, now, by_people=False))
        if (case.status, case.status_version) == ("solution_suggested", data.get("status_version")):
            if now < case.status_since + WEEK:
                raise Broken(f"{case.number} is closed before its 7 days are over")
            return self._accepted(lambda: self._closed(case, now))
        return refused("conflict")

    # what commands do

    def _accepted(self, effect: Callable[[], list[Case]]) -> Verdict:
        return Verdict(outcome="command.accepted", effect=effect)

    def _written(self, case: Case, now: datetime, outcome: str) -> Verdict:
        def effect() -> list[Case]:
            case.enter("new" if case.status == "new" else "needs_reply", now)
            case.unanswered_since = case.unanswered_since or now
            return [case]

        return Verdict(outcome=outcome, effect=effect)

    def _reopened(self, case: Case, now: datetime) -> Verdict:
        def effect() -> list[Case]:
            case.reopened, case.closed_at, case.escalated, case.unanswered_since = case.reopened + 1, None, False, now
            case.enter("reopened", now)
            return [case]

        return Verdict(outcome="ticket.reopened", effect=effect)

    def _answered(self, case: Case, status: str, now: datetime) -> list[Case]:
        case.enter(status, now, anew=True)
        case.unanswered_since = None
        return [case]

    def _changed(self, case: Case, now: datetime, status: str | None = None, **fields: Any) -> list[Case]:
        case.enter(status or case.status, now)
        for name, value in fields.items():
            setattr(case, name, value)
        return [case]

    def _given(self, case: Case, agent: str | None, now: datetime, by_people: bool) -> list[Case]:
        to = case.of_nobody() if agent is None else case.status
        if agent is not None and not by_people and case.status in ("new", "reopened"):
            to = "assigned"
        if by_people and case.agent is not None:
            case.changed_from = case.agent
        case.agent, case.seq, case.consent = agent, case.seq + 1, None
        case.enter(to, now)
        return [case]

    def _closed(self, case: Case, now: datetime) -> list[Case]:
        case.enter("closed", now)
        case.closed_at, case.consent, case.unanswered_since = now, None, None
        return [case]

    def _merged(self, case: Case, other: Case, now: datetime) -> list[Case]:
        self._closed(case, now)
        case.merged_into = other.number
        return [case, *self._changed(other, now, links=other.links | {case.number})]

    def goes_on(self, case: Case) -> Case:
        """The case that goes on in its stead, if it was merged; raises `Broken` if merges go round in a circle."""
        seen = set()
        while case.merged_into is not None:
            if case.number in seen:
                raise Broken(f"{case.number} is merged in a circle")
            seen.add(case.number)
            case = self.cases[case.merged_into]
        return case
