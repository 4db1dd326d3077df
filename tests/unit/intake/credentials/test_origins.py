"""What stands for an origin is a digest that nobody can undo, its channel's alone."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.accounts import OpenTemporary
from services.chassis.decision import Message
from services.intake.credentials.origins import Origins


def of(origin: Any, sender: str = "web", key: str = "k" * 32) -> str:
    data = OpenTemporary(origin=origin)
    return Origins(key).of(Message("m", "ticket.submit", sender, data))


def test_it_is_the_same_for_one_origin_and_tells_nothing_of_it() -> None:
    assert of("browser 7") == of("browser 7")
    assert "7" * 3 not in of("7" * 30)
    assert len({of("browser 7"), of("browser 8"), of("browser 7", "game"), of("browser 7", key="x" * 32)}) == 4


@pytest.mark.parametrize("origin", [None, "", "  ", "\u200b"])
def test_without_one_there_is_none(origin: str | None) -> None:
    assert of(origin) == ""


@pytest.mark.parametrize("sender", ["agent.a1", "routing"])
def test_only_channels_have_one(sender: str) -> None:
    assert of("browser 7", sender) == ""
