"""The desk against the model of its rules: the short run; and that a desk which breaks a rule is found out.

`make soak` has the long run. The page is docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.agents import may_have
from contracts.tickets import Reply, Submit
from deploy.local.stack import Stack
from services.chassis.decision import Decision
from services.chassis.unit_of_work import Store, Work
from services.intake.domain.abuse import automatic
from services.intake.domain.life import moves
from services.intake.domain.privacy import erasing
from services.intake.domain.state import View
from services.intake.domain.tickets import replies
from services.intake.domain.values.account import Account
from services.routing.domain import matching
from services.routing.domain.state import Agent, Terms, Ticket
from services.routing.settings import RoutingSettings
from services.sla.domain import timekeeping
from tests.model.agents import ABSENT_AFTER
from tests.model.cases import Broken
from tests.model.desk import Databases, databases
from tests.model.drawn import SOON
from tests.model.machine import HelpDesk
from tests.model.playing import play


def test_a_desk_does_what_the_model_of_its_rules_says(stack: Stack) -> None:
    seen = play(HelpDesk, stack.database.url(), "model", seed_=1, examples=8, steps=40)
    assert seen["at rest"] >= 8
    assert seen["event: ticket.assigned"]
    assert seen["fault: dies after the commit"]


@pytest.fixture(scope="module")
def opened(stack: Stack) -> Iterator[Databases]:
    with databases(stack.database.url(), "broken") as opened:
        yield opened


# What is played: two requesters have filed, two agents have their tickets.


def a_reply_too_late(desk: HelpDesk) -> None:
    desk.agent_answers("close", 0, "settle")
    desk.at_the_limit(1, SOON[2], refer=False, fire=False, then="settle")


def a_suggestion(desk: HelpDesk) -> None:
    desk.agent_answers("suggest_solution", 0, "settle")


def more_tickets_than_there_is_room_for(desk: HelpDesk) -> None:
    for key in (3, 4):
        desk.submit(1, (1, 0, key), (11, 11), "settle")


def a_change_of_agent(desk: HelpDesk) -> None:
    desk.agent_comes_or_goes("release", 1, "settle")
    desk.requester_acts("change_agent", 0, 0, "settle")


def a_death_before_publishing(desk: HelpDesk) -> None:
    desk.requester_acts("reply", 0, 0, "dies after the commit")


def a_note_on_a_new_ticket(desk: HelpDesk) -> None:
    more_tickets_than_there_is_room_for(desk)
    desk.requester_acts("reply", 1, 0, "settle")


def a_pause(desk: HelpDesk) -> None:
    desk.agent_pauses(True, 7, 1, "deliver")
    desk.submit(1, (0, 0, 0), (11, 11), "settle")


def taken_away_by_their_supervisor(desk: HelpDesk) -> None:
    desk.supervisor_acts("take_away", 0, 1, 0, 11, None, "settle")


def taken_away_by_a_colleague(desk: HelpDesk) -> None:
    desk.supervisor_acts("take_away", 10, 0, 0, 11, None, "settle")


def opened_again_too_late(desk: HelpDesk) -> None:
    desk.agent_answers("close", 0, "settle")
    desk.supervisor_acts("reopen", 1, 0, 0, 11, SOON[2], "settle")


def gone_for_long(desk: HelpDesk) -> None:
    for agent in (0, 1):
        desk.agent_comes_or_goes("sign_off", agent, "settle")
    desk.until_it_matters(0, SOON[0])
    desk.routing_looks_again(0)


def a_machine_that_answers_the_closing(desk: HelpDesk) -> None:
    desk.agent_answers("close", 0, "settle")
    desk.machine_replies(1, 0, 1, True, None, "settle")


def a_machine_that_no_channel_knows(desk: HelpDesk) -> None:
    desk.machine_replies(0, 0, 3, False, None, "settle")


def a_blocked_requester(desk: HelpDesk) -> None:
    desk.supervisor_blocks(True, 0, 0, 60, "deliver")
    desk.requester_acts("reply", 0, 0, "settle")


def erased_with_their_words(desk: HelpDesk) -> None:
    desk.agent_answers("close", 0, "settle")
    desk.submit(0, (1, 1, 0), (11, 11), "settle")
    desk.requester_is_erased(0, True, True, "settle")


# What is broken.


def stores_nothing_to_publish(store: Store, work: Work) -> None:
    said, work.outgoing = work.outgoing, []
    COMMIT(store, work)
    work.outgoing = said


def gives_back(agent: Agent, ticket: Ticket) -> bool:
    return may_have(agent, ticket.skill, ticket.language, ticket.tier)


def of_a_person(data: Submit | Reply, ticket: object, *_: object) -> automatic.Spoken:
    return automatic.Spoken(automatic.words_of(data.body, data.attachments), 1, marked=False, answers=False)


COMMIT = Store.commit
ONE_PLACE_MORE = property(lambda agent: max(0, agent.capacity + 1 - agent.load) if agent.is_present else 0)
PRESENT_THOUGH_PAUSED = property(lambda agent: agent.signed_on and not agent.away)
NEW_NO_MORE = replace(moves.REPLY, to={**moves.REPLY.to, "new": "needs_reply"})

Script = Callable[[HelpDesk], None]
BROKEN: tuple[tuple[Script, object, str, Any], ...] = (
    (a_reply_too_late, replies, "REOPENS_WITHIN", timedelta(days=8)),
    (a_suggestion, timekeeping, "CLOSES_AFTER", timedelta(days=6)),
    (a_note_on_a_new_ticket, moves, "REPLY", NEW_NO_MORE),
    (more_tickets_than_there_is_room_for, Agent, "room", ONE_PLACE_MORE),
    (a_change_of_agent, matching, "may_take", gives_back),
    (a_death_before_publishing, Store, "commit", stores_nothing_to_publish),
    (a_pause, Agent, "is_present", PRESENT_THOUGH_PAUSED),
    (taken_away_by_their_supervisor, moves, "TAKE_AWAY", replace(moves.TAKE_AWAY, to=moves.HAND_OVER.to)),
    (taken_away_by_a_colleague, View, "may_supervise", lambda *_: True),
    (opened_again_too_late, replies, "REOPENS_WITHIN", timedelta(days=8)),
    (a_machine_that_answers_the_closing, replies, "spoken", of_a_person),
    (a_machine_that_no_channel_knows, automatic, "said_lately", lambda *_: False),
    (a_blocked_requester, Account, "is_blocked", lambda *_: False),
    (erased_with_their_words, erasing, "_without_words_of", lambda *_: Decision()),
    (gone_for_long, RoutingSettings, "terms", Terms(absent_after=ABSENT_AFTER - timedelta(minutes=1))),
)


@pytest.mark.parametrize(("script", "place", "name", "wrong"), BROKEN, ids=[script.__name__ for script, *_ in BROKEN])
def test_a_desk_that_breaks_a_rule_is_found_out(
    opened: Databases, monkeypatch: pytest.MonkeyPatch, script: Script, place: object, name: str, wrong: Any
) -> None:
    played(opened, script)
    monkeypatch.setattr(place, name, wrong)
    with pytest.raises(Broken):
        played(opened, script)


def played(opened: Databases, script: Script) -> None:
    """Play the script on a desk of its own, to its rest."""
    desk: HelpDesk = type("ScriptedDesk", (HelpDesk,), {"databases": opened})()
    script(desk)
    desk.teardown()
