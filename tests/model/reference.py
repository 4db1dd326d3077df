"""What the help desk has to do, in as little Python as possible: the model that the services are held to.

It is written from the rules of the help desk, not from the code, and shares none with it: what each command makes of a
case, or why it is refused. It learns what the database has committed, in that order. The page is docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from tests.model.agents import STAFF, supervises
from tests.model.cases import (
    DESKS_TURN,
    ESCALATED_AFTER,
    REPEATED_WITHIN,
    STARTS_WORK,
    WEEK,
    Broken,
    Case,
    Data,
    Verdict,
    account_of,
    issue,
    may_have,
    may_reopen,
    refused,
    words_of,
)
from tests.model.persons import Persons

SUPERVISORS_ALONE = {"ticket.assign_to", "ticket.take_away", "ticket.reopen"}
SUPERVISORS_TOO = {"ticket.close", "ticket.reclassify", "ticket.merge_into", "ticket.add_note", "ticket.link"}
WHO_MAY_HAVE_IT_TOO = {"ticket.add_note", "ticket.link"}


class Model(Persons):
    """Takes commands in the order in which they were committed."""

    def take(self, type_: str, user: str, data: Data, now: datetime, answer: Data) -> list[Case]:
        """One command that was committed, with its outcome; returns the cases that it changed. Raises `Broken`."""
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

    def _verdict(self, type_: str, user: str, data: Data, now: datetime, answer: Data) -> Verdict:
        if type_ == "account.open_temporary":
            # How many are opened in a moment is the machine's business, and its clock's.
            opened = partial(self.opened_account, data, now, answer["data"])
            return Verdict({"rate_limited"}, "account.temporary_opened", opened)
        if self.is_nobody(data):
            return refused("unauthenticated", "rate_limited")
        if type_.startswith("agent."):
            return self.of_presence(type_, data, now)
        if data.get("agent_id", "a1") not in STAFF:
            return refused("forbidden")
        if type_ == "account.erase":
            return self.erase(data, now)
        if self.turned_away(data, now):
            return refused("forbidden")
        if type_ in ("requester.block", "requester.unblock"):
            return self.blocks(data, now, type_ == "requester.block")
        if type_ == "account.confirm_contact":
            return self.confirm(data, now)
        if type_ == "account.merge":
            return self.merge_account(data, now)
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
            if earlier.person != person:
                return refused("forbidden")
            holder = self.holder(person, earlier.key)
            if holder is None and (data.get("automatic") or may_reopen(earlier, now)):
                return self._to_closed(earlier, data, now, "ticket.duplicate")
            if holder is not None and holder.number not in distinct:
                return self._written(holder, data, now, "ticket.duplicate")
        plain = key = issue(data["category"], data["subject"], data.get("issue_key"))
        place = 1
        while (holder := self.holder(person, key)) is not None:
            if holder.number not in distinct or not plain.startswith("text:"):
                return self._written(holder, data, now, "ticket.duplicate")
            place += 1
            key = f"{plain}#{place}"
        if answer["type"] == "ticket.similar" and not data.get("automatic"):  # nobody is there to answer
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
            data.get("issue_key"), key, now, now, now, now, links={earlier.number} if earlier else set(),
            said=words_of(data), said_at=now, automatic=data.get("automatic", False),
        )  # fmt: skip
        self.cases[number] = case
        return [case]

    def _of_requester(self, type_: str, data: Data, case: Case, now: datetime, answer: Data) -> Verdict:
        match type_:
            case "ticket.reply":
                case = self.goes_on(case)
                if case.person != self.person_of(data):
                    return refused("forbidden")
                if case.is_open:
                    return self._written(case, data, now, "command.accepted")
                holder = self.holder(case.person, case.key)
                if holder is not None:
                    return self._written(holder, data, now, "ticket.duplicate")
                if not data.get("automatic") and not may_reopen(case, now):
                    return refused("closed_too_long")
                return self._to_closed(case, data, now, "command.accepted")
            case "ticket.escalate":
                return self._escalated(case, now, answer)
            case "ticket.accept_solution":
                return self.accepted(lambda: self.closed(case, now)) if case.is_open else refused("wrong_status")
        if not case.is_open:
            return refused("wrong_status")
        match type_:
            case "ticket.edit":
                new = {name: data[name] for name in ("subject", "body") if data.get(name)}
                if all(getattr(case, name) == text for name, text in new.items()):
                    return refused("invalid")
                return self.accepted(lambda: self.changed(case, now, **new))
            case "ticket.change_agent":
                if case.agent is None:
                    return refused("wrong_status")
                return self.accepted(lambda: self._left(case, now))
            case "ticket.answer_consent":
                if case.consent != "asked":
                    return refused("wrong_status")
                granted = "granted" if data["granted"] else "refused"
                return self.accepted(lambda: self.changed(case, now, consent=granted))
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
        return Verdict(unknown, "command.accepted", lambda: self.changed(case, now, escalated=True))

    def _of_agent(self, type_: str, data: Data, case: Case, now: datetime) -> Verdict:
        agent, other = data["agent_id"], self.cases.get(data.get("to_number", ""))
        known = self.known_agents.get(agent)
        if supervises(agent, case.agent, case.category):
            may, unknown = case.agent == agent or type_ in SUPERVISORS_ALONE | SUPERVISORS_TOO, set[str]()
        elif case.agent == agent:
            may, unknown = type_ not in SUPERVISORS_ALONE, set[str]()
        else:
            may = type_ in WHO_MAY_HAVE_IT_TOO and known is not None and may_have(known, case)
            unknown = {"forbidden"} if self.late_news() else set()  # of agents who have just signed on
        if not may:
            return refused("forbidden")
        if data.get("expected_version") not in (None, case.version):
            return refused("conflict", *unknown)
        faults = self._faults(type_, data, case, other, now)
        if faults:
            return refused(*faults, *unknown)
        new = data.get("category", case.category)
        effects: dict[str, Callable[[], list[Case]]] = {
            "ticket.start_work": lambda: self.changed(case, now, status="work_in_progress"),
            "ticket.ask_info": lambda: self._answered(case, "need_more_info", now),
            "ticket.suggest_solution": lambda: self._answered(case, "solution_suggested", now),
            "ticket.add_note": lambda: self.changed(case, now),
            "ticket.ask_consent": lambda: self.changed(case, now, consent="asked"),
            "ticket.close": lambda: self.closed(case, now),
            "ticket.reclassify": lambda: self.changed(
                case, now, category=new, key=issue(new, case.subject, case.issue_key), reclassified_as=case.seq
            ),
            "ticket.transfer": lambda: self._given(case, data.get("to_agent"), now, by_people=True),
            "ticket.assign_to": lambda: self._given(case, data["to_agent"], now, by_people=True),
            "ticket.take_away": lambda: self._given(case, None, now, by_people=True),
            "ticket.reopen": lambda: self._open_again(case, now),
            "ticket.link": lambda: self.changed(case, now, links=case.links | {other.number}),  # type: ignore[union-attr]
            "ticket.merge_into": lambda: self.merged(case, other, now),  # type: ignore[arg-type]
        }
        if data.get("to_agent") and self.late_news():
            unknown = {"invalid"}
        return Verdict(unknown, "command.accepted", effects[type_])

    def _faults(self, type_: str, data: Data, case: Case, other: Case | None, now: datetime) -> set[str]:
        """All reasons for which somebody who may act on the case cannot do that: the desk may name any of them."""
        if type_ == "ticket.reopen":
            return self._not_reopened(case, now)
        found = set() if case.is_open else {"wrong_status"}
        if type_ == "ticket.take_away" and case.agent is None:
            found.add("wrong_status")
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
            if to_agent == case.agent or not (self.may_be_given(to_agent, case) or self.late_news()):
                found.add("invalid")
            if to_agent == case.requester_left:
                found |= {"conflict"} | ({"invalid"} if self.late_news() else set())
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

    def _not_reopened(self, case: Case, now: datetime) -> set[str]:
        """All reasons for which a supervisor cannot open the case again."""
        if case.is_open or case.merged_into is not None:
            return {"wrong_status"}
        found = {"wrong_status"} if case.erased else set()
        if not may_reopen(case, now):
            found.add("closed_too_long")
        if self.holder(case.person, case.key) is not None:
            found.add("conflict")
        account = self.temporary.get(case.account.removeprefix("temporary:"))
        return found | ({"wrong_status"} if account is not None and account.ended else set())

    def _of_service(self, type_: str, data: Data, case: Case, now: datetime) -> Verdict:
        fits = case.is_open and case.seq == data.get("assignment_seq")
        if type_ == "ticket.assign" and fits and case.agent is None:
            if now > datetime.fromisoformat(data["valid_until"]):
                return refused("conflict")
            if data["agent"]["id"] == case.changed_from:
                raise Broken(f"{case.number} goes back to {case.changed_from}, from whom it was changed away")
            return self.accepted(lambda: self._given(case, data["agent"]["id"], now, by_people=False))
        if type_ == "ticket.unassign" and fits and case.agent is not None:
            return self.accepted(lambda: self._given(case, None, now, by_people=False))
        if (case.status, case.status_version) == ("solution_suggested", data.get("status_version")):
            if now < case.status_since + WEEK:
                raise Broken(f"{case.number} is closed before its 7 days are over")
            return self.accepted(lambda: self.closed(case, now))
        return refused("conflict")

    def _written(self, case: Case, data: Data, now: datetime, outcome: str) -> Verdict:
        """To an open case. What a machine says, or what is said a third time in a row (a sixth, where the case awaits
        its requester), is noted and moves nothing."""

        def effect() -> list[Case]:
            if data.get("automatic") or self._said(case, data, now) > (
                5 if case.status in ("need_more_info", "solution_suggested") else 2
            ):
                return self._noted(case, data, now)
            self._noted(case, data, now, "new" if case.status == "new" else "needs_reply")
            case.unanswered_since, case.wrote_at, case.automatic = case.unanswered_since or now, now, False
            return [case]

        return Verdict(outcome=outcome, effect=effect)

    def _to_closed(self, case: Case, data: Data, now: datetime, as_note: str) -> Verdict:
        """It is open again; what a machine says, or what says the same again, is noted and leaves it closed."""
        if data.get("automatic") or self._said(case, data, now) > 1:
            return Verdict(outcome=as_note, effect=lambda: self._noted(case, data, now))

        def effect() -> list[Case]:
            case.said, case.said_at, case.said_times = words_of(data), now, 1
            return self._open_again(case, now, wrote_at=now, automatic=False)

        return Verdict(outcome="ticket.reopened", effect=effect)

    def _said(self, case: Case, data: Data, now: datetime) -> int:
        """How often in a row its requester says that, this time included."""
        again = case.said == words_of(data) and case.said_at is not None and now - case.said_at <= REPEATED_WITHIN
        return case.said_times + 1 if again else 1

    def _noted(self, case: Case, data: Data, now: datetime, status: str | None = None) -> list[Case]:
        case.said_times = self._said(case, data, now)
        case.said, case.said_at = words_of(data), now
        return self.changed(case, now, status)

    def _open_again(self, case: Case, now: datetime, **fields: Any) -> list[Case]:
        """It keeps its agent; what was promised for it before is over."""
        again = {"reopened": case.reopened + 1, "reopened_as": case.seq, "closed_at": None, "escalated": False}
        return self.changed(case, now, "reopened", unanswered_since=now, **again, **fields)

    def _answered(self, case: Case, status: str, now: datetime) -> list[Case]:
        case.enter(status, now, again=True)
        case.unanswered_since = None
        return [case]

    def _left(self, case: Case, now: datetime) -> list[Case]:
        case.requester_left = case.agent
        return self._given(case, None, now, by_people=True)

    def _given(self, case: Case, agent: str | None, now: datetime, by_people: bool) -> list[Case]:
        to = case.of_nobody() if agent is None else case.status
        if agent is not None and case.agent is None and case.status in ("new", "reopened"):
            to = "assigned"
        if by_people and case.agent is not None:
            case.changed_from = case.agent
        case.agent, case.seq, case.consent = agent, case.seq + 1, None
        case.enter(to, now)
        return [case]

    def goes_on(self, case: Case) -> Case:
        """The case that goes on in its stead, if it was merged; raises `Broken` if merges go round in a circle."""
        seen = set()
        while case.merged_into is not None:
            if case.number in seen:
                raise Broken(f"{case.number} is merged in a circle")
            seen.add(case.number)
            case = self.cases[case.merged_into]
        return case
