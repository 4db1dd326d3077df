"""What only helps refuses no command: its sender hears in the outcome what was ignored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.outcomes import Accepted
from contracts.registry import outcome
from services.chassis.decision import Answer, rejected
from services.chassis.reading import Arrival, read
from services.chassis.writing import answered
from tests.unit.chassis.test_half_characters import ACCOUNT, SUBMIT, delivery
from tests.unit.chassis.test_turn import NOW


def arrival(**more: Any) -> Arrival:
    arrived = read(delivery({**SUBMIT, **more}), "intake")
    assert isinstance(arrived, Arrival)
    assert arrived.refusal is None
    return arrived


def told(arrived: Arrival, answer: Answer) -> Any:
    """The data of its outcome."""
    return json.loads(answered("intake", answer, arrived.message, "turn", NOW).answer_body or b"")["data"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"language": "english"}, "language"),
        ({"language": ["en", "de"]}, "language"),
        ({"language": "\ud83d"}, "language"),
        ({"requester": {**ACCOUNT, "email": "n/a"}}, "requester.email"),
    ],
)
def test_its_sender_hears_what_was_passed_over(more: dict[str, Any], field: str) -> None:
    arrived = arrival(**more)
    assert told(arrived, Answer("command.accepted", Accepted()))["hints"].keys() == {field}
    both = told(arrived, Answer("command.accepted", Accepted(hints={"skills": ["Nobody asks for it."]})))
    assert both["hints"].keys() == {field, "skills"}
    assert "hints" not in told(arrived, rejected("forbidden", "No."))


def test_who_is_read_whole_hears_of_no_hints() -> None:
    arrived = arrival(language="en-US-u-hc-h12", requester={**ACCOUNT, "email": "a@b"})
    assert arrived.message.data.language == "en-US"
    assert arrived.message.hints is None
    assert "hints" not in told(arrived, Answer("command.accepted", Accepted()))


def test_outcomes_of_a_submission_have_room_for_them() -> None:
    for type_ in ("ticket.opened", "ticket.reopened", "ticket.duplicate", "ticket.similar", "command.accepted"):
        kind = outcome(type_)
        assert kind is not None
        assert "hints" in kind.schema.wire_fields()
