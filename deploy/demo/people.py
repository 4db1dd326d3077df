"""The people of the demo's acts: they say one thing after another and wait for what must come of it.

Each is a connection of their own, like any other program on the bus. The page is docs/cli.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from contracts.names import AGENT_PREFIX
from services.client.blocking import Client
from services.client.bus import Bus
from services.client.core import Heard
from services.client.link import COPY, INBOX

PATIENCE = 30.0
"""Seconds that anybody waits for what must come."""


class Unlike(Exception):
    """Something else happened than the rules say; the message is a sentence."""


class Person:
    """A broker user of the desk: a channel that speaks for its people, or an agent. Used from one thread."""

    def __init__(self, url: str) -> None:
        self._client = Client(url, hears=INBOX if Bus.user_of(url).startswith(AGENT_PREFIX) else COPY)
        self._heard: list[Heard] = []

    def ask(self, command: str, expected: str, **data: Any) -> dict[str, Any]:
        """Send a command; the data of its outcome, which must be `expected` (`command.rejected too_early`)."""
        event = self._client.command(command, data, subject=data.get("number")).event
        came = f"{event.type} {event.data['code']}" if event.type == "command.rejected" else event.type
        if came != expected:
            raise Unlike(f"{command} came to {came} instead of {expected}: {event.data.get('message', '')}")
        return dict(event.data)

    def hears(self, type_: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The data of the first event of this type, heard or still to come, that fits; it is not heard again."""
        end = time.monotonic() + PATIENCE
        while True:
            for heard in self._heard:
                if heard.type == type_ and fits(heard.event.data):
                    self._heard.remove(heard)
                    return dict(heard.event.data)
            if time.monotonic() > end:
                raise Unlike(f"{self._client.user} did not hear {type_}")
            self._listen(0.1)

    def has_heard(self, type_: str, fits: Callable[[dict[str, Any]], bool]) -> bool:
        """Whether such an event is among those that came and were not asked for."""
        self._listen(0.05)
        return any(heard.type == type_ and fits(heard.event.data) for heard in self._heard)

    def close(self) -> None:
        """Leave."""
        self._client.close()

    def _listen(self, timeout: float) -> None:
        """Take in what has come; wait up to `timeout` seconds for the first."""
        while (heard := self._client.hear(timeout)) is not None:
            self._heard.append(heard)
            timeout = 0


class Agent(Person):
    """An agent, who names themselves in all that they say."""

    def __init__(self, url: str, agent_id: str, name: str) -> None:
        super().__init__(url)
        self.id = agent_id
        self.name = name

    def ask(self, command: str, expected: str, **data: Any) -> dict[str, Any]:
        """As any person, with the agent's id."""
        return super().ask(command, expected, agent_id=self.id, **data)

    def sign_on(self) -> None:
        """Be there for everything, five tickets at most."""
        self.ask("agent.sign_on", "command.accepted", display_name=self.name, capacity=5, skills=["*"])


def wait_until(happened: Callable[[], bool], otherwise: str) -> None:
    """Return once it has happened; else raise `Unlike(otherwise)`."""
    end = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > end:
            raise Unlike(otherwise)
        time.sleep(0.1)
