"""A house for each test of the whole desk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.desk import Desk
from deploy.local.stack import Stack
from tests.system.house import House


@pytest.fixture
def house(stack: Stack, desk: Desk) -> Iterator[House]:
    """A desk whose channels are listened to; no service runs yet (`house.start()`)."""
    own = House(stack, desk)
    yield own
    own.close()
