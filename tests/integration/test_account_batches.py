"""An account that becomes another person's, and what it sends right after: all in one turn, on the real database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from contracts import registry
from deploy.local.stack import Stack
from services.chassis.decision import Answer, Message
from services.chassis.unit_of_work import Conflict
from services.intake.documents import agent_document
from services.intake.domain.decide import decide
from services.intake.domain.values.mailed_code import MAILED_EVERY
from services.intake.domain.values.prepared import Prepared
from services.intake.repository import INDEXES
from tests.integration.test_account_pairs import LASTS, Racing, Scene
from tests.integration.turn_stores import stores
from tests.unit.intake.desk import submission, temporary
from tests.unit.intake.pairs import AGENTS, NOW, meeting


class Batch:
    """A turn's messages about a scene, in the order in which they came."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.zoe = scene, temporary(scene.theirs, "right")

    def message(self, name: str, place: int) -> Message:
        held, own = self.scene.held.ticket.number, self.scene.at.ticket.number
        of_zoe: dict[str, tuple[str, dict[str, Any]]] = {
            "list": ("ticket.list", {}),
            "list_open": ("ticket.list", {"status": "assigned"}),
            "view": ("ticket.view", {"number": held}),
            "view_own": ("ticket.view", {"number": own}),
            "reply": ("ticket.reply", {"number": held, "body": "And now?"}),
            "reply_own": ("ticket.reply", {"number": own, "body": "And here?"}),
            "submit": ("ticket.submit", submission(subject="Another matter", body="The app is slow.")),
            "submit_again": ("ticket.submit", submission(subject=self.scene.held.ticket.subject)),
        }
        if name not in of_zoe:
            return self.scene.message(name, place)
        type_, data = of_zoe[name]
        kind = registry.command(type_)
        assert kind is not None
        id_ = f"{place}-{self.scene.place}"
        return Message(id_, type_, "web", kind.schema.load({**data, "requester": self.zoe}), None, f"web\x1f{id_}")


def decided(instance: Racing, scene: Scene, messages: Sequence[Message]) -> list[Answer | None]:
    """All of them in one turn, which is committed."""
    instance.repository._temporary_lasts = LASTS
    state = instance.repository.load(messages, NOW, scene.prepared)
    answers = []
    for message in messages:
        decision = decide(state, message, NOW)
        for change in decision.changes:
            state.apply(change)
        answers.append(decision.answer)
    instance.commit(state)
    return answers


AFTER = ["list", "list_open", "view", "view_own", "reply", "reply_own", "submit", "submit_again", "merge_account"]


@pytest.mark.parametrize("names", [*([name] for name in AFTER), AFTER], ids=[*AFTER, "all of them"])
def test_what_comes_with_the_confirming_of_an_address_is_decided_in_one_turn(stack: Stack, names: list[str]) -> None:
    with stores(stack, "intake", 1, INDEXES) as (store,):
        store.database["agents"].insert_many([agent_document(agent) for agent in AGENTS])
        instance = Racing(store, "one")
        together, apart = Scene(meeting("assigned"), 0), Scene(meeting("assigned"), 1)
        said = []
        for scene in (together, apart):
            scene.put_down(store)
            messages = [Batch(scene).message(name, place) for place, name in enumerate(["confirm", *names])]
            turns = [messages] if scene is together else [[message] for message in messages]
            said.append([answer for turn in turns for answer in decided(instance, scene, turn)])
        assert [answer and answer.type for answer in said[0]] == [answer and answer.type for answer in said[1]]
        assert not any(answer is None or answer.type == "command.rejected" for answer in said[0])
        assert together.left(store) == apart.left(store)
        for answer, other in zip(*said, strict=True):
            if answer is not None and other is not None and answer.type == "ticket.listed":
                assert (len(answer.data.tickets), answer.data.pages) == (len(other.data.tickets), 1)


def test_codes_for_one_address_that_are_asked_for_at_once_are_mailed_once(stack: Stack) -> None:
    """Also the first that is ever mailed there: by two who open accounts, or ask, in two instances."""
    with stores(stack, "intake", 2, INDEXES) as (first, second):
        instances = Racing(first, "one"), Racing(second, "two")

        def at_once(messages: Sequence[Message], prepared: Prepared) -> list[Answer | None]:
            states = []
            for instance, message in zip(instances, messages, strict=True):
                states.append((instance.repository.load([message], at, prepared), message))
            answers = []
            for instance, (state, message) in zip(instances, states, strict=True):
                decision = decide(state, message, at)
                for change in decision.changes:
                    state.apply(change)
                try:
                    instance.commit(state)
                except Conflict:
                    state = instance.repository.load([message], at, prepared)
                    decision = decide(state, message, at)
                    for change in decision.changes:
                        state.apply(change)
                    instance.commit(state)
                answers.append(decision.answer)
            return answers

        at = long_ahead = NOW + timedelta(days=36_500)  # else the database forgets it by its own clock
        opening = [message_of("account.open_temporary", n, contact_email=EMAILS[n]) for n in range(2)]
        opened = at_once(opening, Prepared(secret_hashes={message.key: "-" for message in opening}))
        assert [answer and answer.data.code_at is not None for answer in opened] == [False, True]
        ids = [answer.data.account_id for answer in opened if answer is not None]
        asking = [
            message_of("account.confirm_contact", 2 + n, requester=temporary(id_, "right")) for n, id_ in enumerate(ids)
        ]
        right = Prepared(verified=frozenset((id_, "right") for id_ in ids))
        assert [answer and answer.data.code for answer in at_once(asking, right)] == ["rate_limited"] * 2
        at = long_ahead + MAILED_EVERY
        heard = at_once(asking, right)
        assert [answer and answer.type for answer in heard] == ["command.accepted", "command.rejected"]
        (kept,) = first.database["codes_mailed"].find()
        assert (kept["at"], kept["revision"]) == (at, 2)


EMAILS = ("zoe@example.org", "Zoe@Example.org")


def message_of(type_: str, place: int, **data: Any) -> Message:
    """A command of a channel."""
    kind = registry.command(type_)
    assert kind is not None
    return Message(f"m{place}", type_, "web", kind.schema.load(data), None, f"web\x1fm{place}")
