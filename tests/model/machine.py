"""The model-based test itself: hypothesis plays requesters, agents, moderators, timers, and all that goes wrong.

Each step is one thing that happens: a command is sent, some messages are delivered, an instance dies, time passes. What
has to hold then is the witness's. The page is docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from contracts.envelope import rfc3339
from contracts.names import AGENT_PREFIX
from tests.model.agents import ABSENT_AFTER
from tests.model.cases import MAILED_EVERY, REPEATED_WITHIN, WEEK, Case
from tests.model.drawn import (
    ACCOUNTS,
    AGENTS,
    CATEGORIES,
    CHANNELS,
    DIRECTING,
    ISSUE_KEYS,
    NO_TICKET,
    NOT_OF_STAFF,
    SAID_AGAIN,
    SOON,
    SUBJECTS,
    instances,
    moments_of,
    places,
    then,
)
from tests.model.persons import WRONG_CODE
from tests.model.reference import Model
from tests.model.steps import Machine
from tests.model.witness import FOR_THE_DESK, Witness


class HelpDesk(Machine):
    """One desk from empty, with all services."""

    fires = ("sla", "sla", "routing", "intake", "notifications")
    takes = ("intake.commands", "intake.desk", "intake.assignments", "routing.commands")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(late_news=self._news_are_late)
        self.witness: Witness = Witness(self.desk, self.model)
        for agent in ("a1", "a2"):
            self._sign_on(agent, "deliver")
        for who in (0, 1):
            self.submit(who, (who, 2, 0), (11, 11), "settle")

    # requesters

    @precondition(lambda self: len(self.model.temporary) < 3)
    @rule(then=then)
    def open_a_temporary_account(self, then: str) -> None:
        data = {"display_name": "Tom", "contact_email": "tom@example.org"}
        self._send("web", "account.open_temporary", data, then)

    @precondition(lambda self: self._temporary())
    @rule(which=places, soon=st.none() | st.sampled_from(SOON), then=then)
    def ask_for_the_code(self, which: int, soon: timedelta | None, then: str) -> None:
        """At once, or when ten minutes are over since one was mailed: just before, at, or just after it."""
        account = self._temporary()[which % len(self._temporary())]
        if soon is not None and self.model.mailed_at:
            at = max(self.model.mailed_at.values()) + MAILED_EVERY + soon
            self.desk.clock.now = max(self.desk.clock.now, at)
        self._send("web", "account.confirm_contact", {"requester": {"temporary": account}}, then)

    @precondition(lambda self: len(self._temporary()) > 1)
    @rule(subject=places, then=then)
    def several_become_one_person(self, subject: int, then: str) -> None:
        """All temporary accounts write of one matter, have their codes mailed, and confirm."""
        for which in range(len(self._temporary())):
            self.submit(len(ACCOUNTS) + which, (1, subject, 0), (11, 11), then)
            self.ask_for_the_code(which, timedelta(0), "settle")
        for which in range(len(self._temporary())):
            self.confirm_the_address(which, True, then)

    @precondition(lambda self: self._temporary())
    @rule(which=places, right=st.booleans(), then=then)
    def confirm_the_address(self, which: int, right: bool, then: str) -> None:
        """With the code that was mailed, or with another."""
        account = self._temporary()[which % len(self._temporary())]
        told = [event.event["data"] for event in self.desk.network.events if event.type == "account.contact_changed"]
        codes = [event["code"] for event in told if event["account_id"] == account["account_id"] and event.get("code")]
        code = codes[-1] if codes and (right or which % 3) else WRONG_CODE
        self._send("web", "account.confirm_contact", {"requester": {"temporary": account}, "code": code}, then)

    @precondition(lambda self: self._temporary())
    @rule(who=places, which=places, then=then)
    def merge_the_account(self, who: int, which: int, then: str) -> None:
        account = self._temporary()[which % len(self._temporary())]
        if who < 4:
            data = {"requester": ACCOUNTS[who % len(ACCOUNTS)], "temporary": account}
            self._send("web", "account.merge", data, then)

    @rule(who=places, content=st.booleans(), sure=st.booleans(), then=then)
    def requester_is_erased(self, who: int, content: bool, sure: bool, then: str) -> None:
        """With all accounts that are theirs. (Not each time: they take their tickets along.)"""
        if sure:
            data = {"requester": self._requester(who), "content": content}
            self._send(self._channel(who), "account.erase", data, then)

    @rule(who=places, what=st.tuples(places, places, places), named=st.tuples(places, places), then=then)
    def submit(self, who: int, what: tuple[int, int, int], named: tuple[int, int], then: str) -> None:
        category, subject, key = what
        data: dict[str, Any] = {
            "requester": self._requester(who),
            "category": CATEGORIES[category % len(CATEGORIES)],
            "subject": SUBJECTS[subject % len(SUBJECTS)],
            "body": f"story {len(self.sent)}",
        }
        if (issue_key := ISSUE_KEYS[key % len(ISSUE_KEYS)]) is not None:
            data["issue_key"] = issue_key
        refers_to, distinct = named
        if refers_to < 3:
            data["refers_to"] = self._theirs(who, refers_to)
        if distinct < 3:
            data["distinct_from"] = [self._theirs(who, distinct)]
        if 8 < distinct < 11:
            data["automatic"] = True
        if refers_to % 2:
            data["draft"] = f"form {len(self.sent)}"
        self._send(self._channel(who), "ticket.submit", data, then)

    @precondition(lambda self: self.model.cases)
    @rule(
        kind=st.sampled_from(
            (
                "reply",
                "reply",
                "accept_solution",
                "edit",
                "change_agent",
                "answer_consent",
                "escalate",
                "escalate",
                "view",
            )
        ),
        who=places,
        number=places,
        then=then,
    )
    def requester_acts(self, kind: str, who: int, number: int, then: str) -> None:
        words = f"words {len(self.sent)}"
        more: Mapping[str, Mapping[str, Any]] = {
            "reply": {"body": words} | ({"draft": f"form {len(self.sent)}"} if number % 2 else {}),
            "edit": {"subject": SUBJECTS[who % 2]} if number % 2 else {"body": words},
            "change_agent": {"reason": words},
            "answer_consent": {"granted": bool(who % 2)},
        }
        data = {"requester": self._requester(who), "number": self._theirs(who, number), **more.get(kind, {})}
        self._send(self._channel(who), f"ticket.{kind}", data, then)

    @precondition(lambda self: self.model.cases)
    @rule(
        place=places,
        again=st.integers(0, len(SAID_AGAIN) - 1),
        times=st.integers(1, 3),
        marked=st.booleans(),
        soon=st.none() | st.sampled_from(SOON),
        then=then,
    )
    def machine_replies(
        self, place: int, again: int, times: int, marked: bool, soon: timedelta | None, then: str
    ) -> None:
        """Each time its own words; of a machine that no channel knows, too. `soon`: when they count as new again."""
        case = sorted(self.model.cases.values(), key=lambda other_case: other_case.number)[
            -1 - place % len(self.model.cases)
        ]
        who = next((n for n in range(12) if self._person(n) == case.person), 0)
        if soon is not None and case.said_at is not None:
            self.desk.clock.now = max(self.desk.clock.now, case.said_at + REPEATED_WITHIN + soon)
        for time in range(times):
            data = {"requester": self._requester(who), "number": case.number}
            data["body"] = SAID_AGAIN[(again + time) % len(SAID_AGAIN)]
            self._send(self._channel(who), "ticket.reply", data | ({"automatic": True} if marked else {}), then)

    @precondition(lambda self: self.model.cases)
    @rule(number=places, then=then)
    def moderator_escalates(self, number: int, then: str) -> None:
        self._send("web", "ticket.escalate", {"moderator": {"id": "mod"}, "number": self._number(number)}, then)

    # agents

    @precondition(lambda self: self._with_agents())
    @rule(
        kind=st.sampled_from(("start_work", "ask_info", "suggest_solution", "suggest_solution", "close")),
        number=places,
        then=then,
    )
    def agent_answers(self, kind: str, number: int, then: str) -> None:
        """The agent who has the ticket."""
        case = self._with_agents()[number % len(self._with_agents())]
        agent, words = case.agent or "", f"words {len(self.sent)}"
        says = {"start_work": {}, "close": {"reason": words}}.get(kind, {"body": words})
        data = {"agent_id": agent, "number": case.number, **says}
        self._send(AGENT_PREFIX + agent, f"ticket.{kind}", data, then)

    @precondition(lambda self: self.model.cases)
    @rule(
        kind=st.sampled_from(
            (
                "start_work", "ask_info", "suggest_solution", "add_note", "ask_consent", "close", "reclassify",
                "transfer", "transfer", "link", "merge_into", "merge_into", "view",
            )
        ),
        agent=places,
        number=places,
        other=places,
        expecting=places,
        then=then,
    )  # fmt: skip
    def agent_acts(self, kind: str, agent: int, number: int, other: int, expecting: int, then: str) -> None:
        case = self.model.cases.get(self._number(number))
        held = self._with_agents()
        if held and agent > 2:
            case = held[number % len(held)]
        number_ = case.number if case is not None else NO_TICKET
        chosen = list(AGENTS)[agent % len(AGENTS)]
        its_own = case.agent if case is not None and case.agent is not None and agent > 2 else chosen
        words = f"{FOR_THE_DESK} {len(self.sent)}" if kind in ("add_note", "transfer") else f"words {len(self.sent)}"
        more: Mapping[str, Mapping[str, Any]] = {
            "ask_info": {"body": words},
            "suggest_solution": {"body": words},
            "add_note": {"body": words},
            "ask_consent": {"reason": words},
            "close": {"reason": words},
            "reclassify": {"category": CATEGORIES[other % len(CATEGORIES)]},
            "transfer": {"reason": words} | ({"to_agent": list(AGENTS)[other % len(AGENTS)]} if other % 2 else {}),
            "link": {"to_number": self._number(other)},
            "merge_into": {"to_number": self._beside(case, other)},
        }
        data = {"agent_id": its_own, "number": number_, **more.get(kind, {})}
        if case is not None and expecting < 2 and kind != "view":
            data["expected_version"] = max(1, case.version - expecting)
        self._send(AGENT_PREFIX + its_own, f"ticket.{kind}", data, then)

    @rule(kind=st.sampled_from(("sign_on", "sign_on", "heartbeat", "sign_off", "release")), agent=places, then=then)
    def agent_comes_or_goes(self, kind: str, agent: int, then: str) -> None:
        chosen = list(AGENTS)[agent % len(AGENTS)] if agent < 11 else NOT_OF_STAFF
        if kind == "sign_on":
            self._sign_on(chosen, then)
        elif kind == "heartbeat":
            self._send(AGENT_PREFIX + chosen, "agent.heartbeat", {"agent_id": chosen}, then)
        else:
            data = {"agent_id": chosen, "release": kind == "release"}
            self._send(AGENT_PREFIX + chosen, "agent.sign_off", data, then)

    # supervisors

    @precondition(lambda self: self.model.cases)
    @rule(
        kind=st.sampled_from(
            (
                "assign_to", "assign_to", "take_away", "take_away", "reopen", "reopen",
                "close", "reclassify", "merge_into", "add_note", "link",
            )
        ),
        by=places,
        number=places,
        other=places,
        expecting=places,
        soon=st.none() | st.sampled_from(SOON),
        then=then,
    )  # fmt: skip
    def supervisor_acts(
        self, kind: str, by: int, number: int, other: int, expecting: int, soon: timedelta | None, then: str
    ) -> None:
        """Mostly to a ticket of which it can be true; `soon`: reopened when its 7 days are over, or nearly."""
        fits = [case for case in self.model.cases.values() if case.is_open is (kind != "reopen")]
        case = fits[number % len(fits)] if fits else self.model.cases.get(self._number(number))
        if kind == "reopen" and soon is not None and case is not None and case.closed_at is not None:
            self.desk.clock.now = max(self.desk.clock.now, case.closed_at + WEEK + soon)
        supervisor, words = DIRECTING[by], f"words {len(self.sent)}"
        more: Mapping[str, Mapping[str, Any]] = {
            "assign_to": {"to_agent": list(AGENTS)[other % len(AGENTS)], "reason": f"{FOR_THE_DESK} {words}"},
            "take_away": {"reason": f"{FOR_THE_DESK} {words}"},
            "reopen": {"reason": words} if other % 2 else {},
            "close": {"reason": words},
            "reclassify": {"category": CATEGORIES[other % len(CATEGORIES)]},
            "merge_into": {"to_number": self._beside(case, other)},
            "add_note": {"body": f"{FOR_THE_DESK} {words}"},
            "link": {"to_number": self._number(other)},
        }
        data = {"agent_id": supervisor, "number": case.number if case is not None else NO_TICKET, **more[kind]}
        if case is not None and expecting < 2:
            data["expected_version"] = max(1, case.version - expecting)
        self._send(AGENT_PREFIX + supervisor, f"ticket.{kind}", data, then)

    @rule(pauses=st.booleans(), agent=places, by=places, then=then)
    def agent_pauses(self, pauses: bool, agent: int, by: int, then: str) -> None:
        """Or goes on; by themselves, or because a supervisor says so."""
        member = list(AGENTS)[agent % len(AGENTS)]
        who = member if agent > 5 else DIRECTING[by]
        data = {"agent_id": who} if who == member and by % 2 else {"agent_id": who, "member": member}
        self._send(AGENT_PREFIX + who, "agent.pause" if pauses else "agent.resume", data, then)

    @rule(
        blocks=st.booleans(), by=places, who=places, lasts=st.sampled_from((-1, 15, 15, 60, 60, 900, None)), then=then
    )
    def supervisor_blocks(self, blocks: bool, by: int, who: int, lasts: int | None, then: str) -> None:
        """Block a requester, for a number of seconds; or let them in again."""
        requester = self._requester(who)
        named = requester.get("temporary", requester)["account_id"] if who < 11 else "nobody"
        data: dict[str, Any] = {"agent_id": DIRECTING[by], "account_id": named, "reason": f"{FOR_THE_DESK} of {named}"}
        if "temporary" in requester:
            data["kind"] = "temporary"
        if blocks and lasts is not None:
            data["until"] = rfc3339(self.desk.clock.now + timedelta(seconds=lasts))
        type_ = "requester.block" if blocks else "requester.unblock"
        self._send(AGENT_PREFIX + DIRECTING[by], type_, data, then)

    @rule(n=instances)
    def routing_looks_again(self, n: int) -> None:
        self.desk.look_again(n)

    # time

    @rule(which=places, soon=st.sampled_from(SOON))
    def until_it_matters(self, which: int, soon: timedelta) -> None:
        """To a moment on which a rule turns: just before, at, or just after it."""
        absent_at = {at + ABSENT_AFTER for at in self.model.left_at.values()}
        let_in_at = {at for at in self.model.blocked.values() if at is not None}
        moments = sorted(absent_at.union(let_in_at, *(moments_of(case) for case in self.model.cases.values())))
        coming = [at for at in moments if at + soon > self.desk.clock.now]
        if coming:
            self.desk.clock.now = coming[which % len(coming)] + soon
            self._count("time: to a moment of the rules")

    @precondition(lambda self: self.model.cases)
    @rule(place=places, soon=st.sampled_from(SOON), refer=st.booleans(), fire=st.booleans(), then=then)
    def at_the_limit(self, place: int, soon: timedelta, refer: bool, fire: bool, then: str) -> None:
        """A requester makes use of a right at the last moment, or just too late, or too early."""
        case = sorted(self.model.cases.values(), key=lambda other_case: other_case.number)[
            -1 - place % len(self.model.cases)
        ]
        coming = [at for at in moments_of(case) if at + soon > self.desk.clock.now]
        of_case = [n for n in range(12) if self._person(n) == case.person]
        if not coming or not of_case:
            return
        who = of_case[0]
        self.desk.clock.now = coming[-1] + soon
        data: dict[str, Any] = {"requester": self._requester(who), "number": case.number}
        if fire:
            self.desk.fire("sla")
        if case.unanswered_since is not None and case.is_open:
            self._send(self._channel(who), "ticket.escalate", data, then)
        elif refer:
            words = {"category": case.category, "subject": case.subject, "body": f"story {len(self.sent)}"}
            again = {"requester": self._requester(who), "refers_to": case.number, **words}
            self._send(self._channel(who), "ticket.submit", again, then)
        else:
            self._send(self._channel(who), "ticket.reply", {**data, "body": f"words {len(self.sent)}"}, then)
        self._count("time: at the limit")

    # how

    def _sign_on(self, agent: str, then: str) -> None:
        data = {"agent_id": agent, "display_name": agent.upper(), **AGENTS.get(agent, AGENTS["a1"])}
        self._send(AGENT_PREFIX + agent, "agent.sign_on", data, then)

    def _news_are_late(self) -> bool:
        queues = self.desk.network.queues
        return self.desk.unsettled or bool(
            queues["sla.events"] or queues["intake.events"] or queues["routing.commands"]
        )

    def _requester(self, who: int) -> Mapping[str, Any]:
        known = (*ACCOUNTS, *({"temporary": owner} for owner in self._temporary()))
        return known[who % len(known)]

    def _person(self, who: int) -> str:
        return self.model.person_of({"requester": self._requester(who)})

    def _temporary(self) -> list[Mapping[str, Any]]:
        """Temporary accounts, as they were opened, with their secrets."""
        heard = [
            message.event["data"] for message in self.desk.network.heard if message.type == "account.temporary_opened"
        ]
        opened = {
            message["account_id"]: {name: message[name] for name in ("account_id", "secret")} for message in heard
        }
        return list(opened.values())

    def _channel(self, who: int) -> str:
        return CHANNELS[who % len(CHANNELS)]

    def _number(self, place: int) -> str:
        """A ticket's; the newest are the first."""
        numbers = sorted(self.model.cases, reverse=True)
        return numbers[place % len(numbers)] if numbers and place < 11 else NO_TICKET

    def _beside(self, case: Case | None, place: int) -> str:
        """Mostly another open ticket of the same person."""
        beside = [
            other_case
            for other_case in self.model.cases.values()
            if case is not None and other_case.is_open and other_case is not case
        ]
        theirs = [other_case.number for other_case in beside if case is not None and other_case.person == case.person]
        return theirs[place % len(theirs)] if theirs and place < 9 else self._number(place)

    def _with_agents(self) -> list[Case]:
        return [case for case in self.model.cases.values() if case.is_open and case.agent is not None]

    def _theirs(self, who: int, place: int) -> str:
        """One of the requester's own, mostly."""
        person = self._person(who)
        numbers = sorted((case.number for case in self.model.cases.values() if case.person == person), reverse=True)
        return numbers[place % len(numbers)] if numbers and place < 10 else self._number(place)
