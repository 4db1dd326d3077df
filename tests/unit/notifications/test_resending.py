"""The operator has deliveries that failed sent again: each once, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contracts import registry
from contracts.payload import plain, read
from services.chassis.decision import Arm, Decision, Message
from services.notifications.domain.attempts import MAIL_LANE
from services.notifications.domain.decide import decide
from services.notifications.domain.state import Delivery, Policy, View
from tests.unit.notifications.builders import NOW, PlainWording

FAILED = Delivery("d1", "e1", "receipt", "00000042", "r1", "email", "failed", NOW, attempts=3, reason="550")
BY_WEBHOOK = replace(FAILED, id="d2", channel="webhook", recipient="crm")


def view_of(*deliveries: Delivery) -> View:
    return View(PlainWording(), Policy(), deliveries={each.id: each for each in deliveries})


def resend(view: View, *ids: str) -> Decision:
    """As the turn decides it and takes it in; what is answered is of the contract."""
    kind = registry.command("notifications.resend")
    assert kind is not None
    data = read(kind.data, {"deliveries": list(ids)}).data
    decision = decide(view, Message("m1", kind.type, "operator", data, None, "operator\x1fm1"), NOW)
    for change in decision.changes:
        view.apply(change)
    return decision


def answer(decision: Decision) -> tuple[str, Mapping[str, Any]]:
    assert decision.answer is not None
    outcome = registry.outcome(decision.answer.type)
    assert outcome is not None
    data = plain(decision.answer.data)
    outcome.schema.load(data)
    return decision.answer.type, data


def test_what_failed_is_due_at_once_in_the_lane_of_its_destination() -> None:
    view = view_of(FAILED, BY_WEBHOOK)
    decision = resend(view, "d1", "d2")
    assert answer(decision) == ("command.accepted", {})
    assert {each.id: each.status for each in view.deliveries.values()} == {"d1": "pending", "d2": "pending"}
    armed = {arm.about: (arm.timer.due, arm.lane) for arm in decision.timers if isinstance(arm, Arm)}
    assert armed == {"d1": (NOW, MAIL_LANE), "d2": (NOW, "webhook:crm")}
    assert not decision.said


def test_what_has_not_failed_is_named_by_its_place_and_left_as_it_is() -> None:
    sent = replace(FAILED, id="d3", status="sent")
    view = view_of(FAILED, sent)
    kind, data = answer(resend(view, "nobody", "d1", "d3"))
    assert (kind, sorted(data["hints"])) == ("command.accepted", ["deliveries.0", "deliveries.2"])
    assert view.deliveries["d3"] is sent


def test_asked_for_twice_it_is_sent_once() -> None:
    view = view_of(FAILED)
    decision = resend(view, "d1", "d1")
    assert (len(decision.changes), len(decision.timers), answer(decision)) == (1, 1, ("command.accepted", {}))
    kind, data = answer(resend(view, "d1"))
    assert (kind, data["code"], sorted(data["errors"])) == ("command.rejected", "invalid", ["deliveries.0"])
    assert view.deliveries["d1"].version == FAILED.version + 1
