"""Chores beside the turns: if something is away, that is not an error; anything else is."""

from __future__ import annotations

import pytest
from pymongo.errors import AutoReconnect

from services.chassis import chores
from services.chassis.chores import Chore
from services.chassis.database import Conflict, DatabaseAway
from services.chassis.patience import Stopping
from services.chassis.reloading import looking
from tests.unit.chassis.test_reloading import number_in


@pytest.mark.parametrize(
    "error",
    [AutoReconnect("gone"), DatabaseAway("gone"), Conflict("lost"), Stopping("broker")],
    ids=lambda error: type(error).__name__,
)
def test_while_something_is_away_a_chore_is_left_for_the_next_time(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Exception | None] = [None, error]

    def do() -> None:
        if (raised := done.pop()) is not None:
            raise raised

    said: list[dict[str, object]] = []
    monkeypatch.setattr(chores.log, "warning", lambda _text, extra: said.append(extra))
    chore = Chore("tidying", 60.0, do)
    chore.once()
    chore.once()
    assert done == []
    assert [extra["chore"] for extra in said] == ["tidying"]


def test_a_mistake_in_a_chore_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        Chore("tidying", 60.0, lambda: 1 // 0).once()


def test_files_are_looked_at_each_second(tmp_path: object) -> None:
    file = tmp_path / "number"  # type: ignore[operator]
    file.write_text("1")
    number = number_in(file)
    chore = looking(number)
    file.write_text("2222")
    chore.once()
    assert (number(), chore.every) == (2222, 1.0)
