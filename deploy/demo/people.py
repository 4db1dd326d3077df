"""The people of the demo's acts: they say one thing after another and wait for what must come of it.

Each is a connection of their own, like any other program on the bus. The page is docs/cli.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from contracts.envelope import Event
from contracts.names import AGENT_PREFIX
from deploy.cli.sender import Sender
from services.client.bus import Bus

PATIENCE = 30.0
"""Seconds that anybody waits for what must come."""


class Unlike(Exception):
    """Something else happened than the rules say; the message is a sentence."""


class Person:
    """A broker user of the desk: a channel that speaks for its people, or an agent. Used from one thread."""

    def __init__(self, url: str) -> None:
        self._bus = Bus(url)
        self._heard: list[Event] = []
        self._sender = Sender(self._bus, self._heard.append)
        if self._bus.user.startswith(AGENT_PREFIX):
            self._sender.listen_on(f"{self._bus.user}.inbox")
        else:
            self._sender.listen()

    def ask(self, command: str, expected: str, **data: Any) -> dict[str, Any]:
        """Send a command; the data of its outcome, which must be `expected` (`command.rejected too_early`)."""
        event = self._sender.ask(command, data, subject=data.get("number"))
        came = f"{event.type} {event.data['code']}" if event.type == "command.rejected" else event.type
        if came != expected:
            raise Unlike(f"{command} came to {came} instead of {expected}: {event.data.get('message', '')}")
        return dict(event.data)

    def hears(self, type_: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The data of the first event of this type, heard or still to come, that fits; it is not heard again."""
        end = time.monotonic() + PATIENCE
        while True:
            for event in self._heard:
                if event.type == type_ and fits(event.data):
                    self._heard.remove(event)
                    return dict(event.data)
            if time.monotonic() > end:
                raise Unlike(f"{self._bus.user} did not hear {type_}")
            self._bus.drain(0.1)

    def has_heard(self, type_: str, fits: Callable[[dict[str, Any]], bool]) -> bool:
        """Whether such an event is among those that came and were not asked for."""
        self._bus.drain(0.05)
        return any(event.type == type_ and fits(event.data) for event in self._heard)

    def close(self) -> None:
        """Leave."""
        self._bus.close()


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
