"""A rotation of master keys begins once, goes on portion by portion, and ends; each key of the key file by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from services.chassis.decision import Arm, Decision, Message
from services.intake.domain.attachments.rotating import ASK_ANOTHER, LANE, KeyRotationTimer
from services.intake.domain.values.rotation import THE_ONE, Rewrapped, Rotation
from services.intake.files.rewrapping import rotation_document, rotation_of
from tests.unit.intake.desk import MORNING, Desk, Heard


def desk_with(key: str = "new") -> Desk:
    desk = Desk()
    desk.state.master_key = key
    return desk


def rotate(desk: Desk, key: str = "new") -> Heard:
    return desk.send("attachment_keys.rotate", {"key": key}, "operator")


def fire(desk: Desk, portion: Rewrapped | None) -> Decision:
    """The timer fires, for which this was wrapped."""
    desk.sent += 1
    key = f"timer\x1f{desk.sent}"
    desk.prepare(rewrapped={key: portion})
    timer = KeyRotationTimer(due=desk.now)
    return desk.take(desk.decide(Message(key, timer.type_(), "intake", timer, THE_ONE, key)))


def portion(version: int, wrapped: int, *, finished: bool = False, left: Mapping[str, int] | None = None) -> Rewrapped:
    return Rewrapped(version, wrapped, left or {}, ("attachments", f"ref{version}"), finished)


def due(decision: Decision) -> list[Any]:
    """When the next portion is due."""
    timers = [timer for timer in decision.timers if isinstance(timer, Arm)]
    assert all(arm == Arm("key_rotation", KeyRotationTimer(due=arm.timer.due), THE_ONE, LANE) for arm in timers)
    return [arm.timer.due for arm in timers]


def test_it_goes_on_portion_by_portion_and_ends() -> None:
    desk = desk_with()
    heard = rotate(desk)
    assert heard.type == "command.accepted"
    assert due(heard.decision) == [MORNING]
    desk.later(seconds=1)
    assert due(fire(desk, portion(1, 1000, left={"gone": 1}))) == [desk.now]
    assert due(fire(desk, portion(2, 7, left={"gone": 2, "lost": 1}, finished=True))) == []
    rotation = desk.state.rotations[THE_ONE]
    assert (rotation.wrapped, rotation.left, rotation.finished_at) == (1007, {"gone": 3, "lost": 1}, desk.now)
    assert rotation.read_to == ("attachments", "ref2")
    assert fire(desk, portion(3, 5)) == Decision(), "a timer that comes late changes nothing"


def test_the_same_again_changes_nothing_while_it_is_under_way_and_begins_again_after_it() -> None:
    desk = desk_with()
    rotate(desk)
    fire(desk, portion(1, 1000))
    again = rotate(desk)
    assert (again.type, again.decision.changes, again.decision.timers) == ("command.accepted", (), ())
    fire(desk, portion(2, 1, finished=True))
    desk.later(hours=1)
    assert due(rotate(desk).decision) == [desk.now]
    assert desk.state.rotations[THE_ONE] == Rotation("new", desk.now, version=4)


def test_another_key_takes_its_place_and_what_was_wrapped_for_the_one_before_does_not_count() -> None:
    desk = desk_with("old")
    rotate(desk, "old")
    desk.state.master_key = "new"
    rotate(desk)
    decision = fire(desk, portion(1, 1000, finished=True))
    assert (decision.changes, due(decision)) == ((), [desk.now])
    assert desk.state.rotations[THE_ONE] == Rotation("new", MORNING, version=2)


def test_where_the_key_file_lacks_the_key_another_instance_is_asked() -> None:
    desk = desk_with()
    rotate(desk)
    decision = fire(desk, None)
    assert (decision.changes, due(decision)) == ((), [desk.now + ASK_ANOTHER])


def test_a_key_that_does_not_wrap_new_files_is_refused() -> None:
    heard = rotate(desk_with("old"), "new")
    assert (heard.code, list(heard.data["errors"])) == ("invalid", ["key"])
    assert "'old'" in heard.data["errors"]["key"][0]
    assert not heard.decision.changes


@pytest.mark.parametrize("finished", [None, MORNING + timedelta(minutes=1)])
def test_a_rotation_is_read_as_it_was_stored(finished: Any) -> None:
    """Ids of master keys may have dots, which names of fields in a database may not."""
    rotation = Rotation("2026.11", MORNING, THE_ONE, 3, 12, {"2026.01": 2}, ("uploads", "u1"), finished)
    stored = rotation_document(rotation)
    assert stored["left"] == [["2026.01", 2]]
    assert rotation_of(stored) == rotation
