"""The people of the demo's acts: they say one thing after another and wait for what must come of it.

Each has a connection of their own, like any other program on the bus. The page is docs/cli.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts.names import AGENT_PREFIX
from services.client.blocking import Client
from services.client.bus import Bus
from services.client.core import Heard
from services.client.link import COPY, INBOX

from .waiting import waited

PATIENCE = 30.0
"""Seconds that anybody waits for what must come."""


class Unlike(Exception):
    """Something other than what the rules say happened; the message is a sentence."""


class Person:
    """A broker user of the desk: a channel that speaks for its people, or an agent. Used from one thread."""

    def __init__(self, url: str) -> None:
        self._client = Client(url, hears=INBOX if Bus.user_of(url).startswith(AGENT_PREFIX) else COPY)
        self._heard: list[Heard] = []

    def ask(self, command: str, expected: str, **data: Any) -> dict[str, Any]:
        """Send a command. Returns the data of its outcome, which must be `expected` (`command.rejected too_early`)."""
        event = self._client.command(command, data, subject=data.get("number")).event
        came = f"{event.type} {event.data['code']}" if event.type == "command.rejected" else event.type
        if came != expected:
            raise Unlike(f"{command} came to {came} instead of {expected}: {event.data.get('message', '')}")
        return dict(event.data)

    def hears(self, type_: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The data of the first event of this type, heard or still to come, that fits; nobody hears it again."""
        found = waited(lambda: self._first(type_, fits, 0.1), PATIENCE, every=0)
        if found is None:
            others = ", ".join(self.heard_types) or "nothing"
            raise Unlike(f"{self._client.user} did not hear {type_} within {PATIENCE:.0f} s, but {others}")
        self._heard.remove(found)
        return dict(found.event.data)

    def has_heard(self, type_: str, fits: Callable[[dict[str, Any]], bool]) -> bool:
        """Whether such an event is among those that came and that nobody asked for."""
        return self._first(type_, fits, 0.05) is not None

    @property
    def heard_types(self) -> list[str]:
        """The types of what came and nobody asked for."""
        return sorted({heard.type for heard in self._heard})

    def close(self) -> None:
        """Leave."""
        self._client.close()

    def _first(self, type_: str, fits: Callable[[dict[str, Any]], bool], timeout: float) -> Heard | None:
        """The first event of this type that fits, among what was kept and what comes within `timeout` seconds."""
        for kept in self._heard:
            if kept.type == type_ and fits(kept.event.data):
                return kept
        while (heard := self._client.hear(timeout)) is not None:
            self._heard.append(heard)
            if heard.type == type_ and fits(heard.event.data):
                return heard
        return None


class Agent(Person):
    """An agent, who names themselves in everything that they say."""

    def __init__(self, url: str, agent_id: str, name: str) -> None:
        super().__init__(url)
        self.id = agent_id
        self.name = name

    def ask(self, command: str, expected: str, **data: Any) -> dict[str, Any]:
        """Like any person, with the agent's id."""
        return super().ask(command, expected, agent_id=self.id, **data)

    def sign_on(self) -> None:
        """Sign on for everything, five tickets at most."""
        self.ask("agent.sign_on", "command.accepted", display_name=self.name, capacity=5, skills=["*"])


def wait_until(happened: Callable[[], bool], otherwise: str, seen: Callable[[], object]) -> None:
    """Return once it has happened; otherwise raise `Unlike`, which says `otherwise` and what was seen instead."""
    if not waited(happened, PATIENCE, every=0.1):
        raise Unlike(f"{otherwise} within {PATIENCE:.0f} s; seen: {seen()}")
