"""The people of the demo's acts: they say one thing after another and wait for what must come of it.

Each has a connection of their own, like any other program on the bus. The page is docs/cli.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from contracts.agents import SignOn
from contracts.articles import ArticleHit
from contracts.names import AGENT_PREFIX
from contracts.outcomes import Accepted, Code, Rejected
from contracts.payload import Payload
from services.client.blocking import Client
from services.client.bus import Bus
from services.client.core import Heard, Outcome
from services.client.link import COPY, INBOX

from .form import suggested
from .waiting import waited

P = TypeVar("P", bound=Payload)

PATIENCE = 30.0
"""Seconds that anybody waits for what must come."""


class Unlike(Exception):
    """Something other than what the rules say happened; the message is a sentence."""


class Person:
    """A broker user of the desk: a channel that speaks for its people, or an agent. Used from one thread."""

    def __init__(self, url: str) -> None:
        self._client = Client(url, hears=INBOX if Bus.user_of(url).startswith(AGENT_PREFIX) else COPY)
        self._heard: list[Heard] = []

    def ask(self, command: str, data: Payload, form: type[P]) -> P:
        """Send a command. Returns the data of its outcome, which must be of exactly this class."""
        outcome = self._sent(command, data)
        found = outcome.data
        if isinstance(found, form) and type(found) is form:
            return found
        raise Unlike(f"{command} came to {_named(outcome)} instead of {form.__name__}")

    def say(self, command: str, data: Payload) -> None:
        """Send a command that must be accepted."""
        self.ask(command, data, Accepted)

    def refused(self, command: str, data: Payload, code: Code) -> Rejected:
        """Send a command that must be refused with this code. Returns the refusal."""
        outcome = self._sent(command, data)
        if (refusal := outcome.rejected) is None or refusal.code != code:
            raise Unlike(f"{command} came to {_named(outcome)} instead of a refusal, {code}")
        return refusal

    def suggested(self, words: str, language: str) -> Sequence[ArticleHit]:
        """The articles that the channel's form offers to somebody who has typed this."""
        return suggested(self._client, words, language)

    def hears(self, type_: str, form: type[P], fits: Callable[[P], bool]) -> P:
        """The data of the first message of this type and class, heard or still to come, that fits; nobody hears it
        again."""
        found = waited(lambda: self._first(type_, form, fits, 0.1), PATIENCE, every=0)
        if found is None:
            others = ", ".join(self.heard_types) or "nothing"
            raise Unlike(f"{self._client.user} did not hear {type_} within {PATIENCE:.0f} s, but {others}")
        heard, data = found
        self._heard.remove(heard)
        return data

    def has_heard(self, type_: str, form: type[P], fits: Callable[[P], bool]) -> bool:
        """Whether such a message is among those that came and that nobody asked for."""
        return self._first(type_, form, fits, 0.05) is not None

    @property
    def heard_types(self) -> list[str]:
        """The types of what came and nobody asked for."""
        return sorted({heard.type for heard in self._heard})

    def close(self) -> None:
        """Leave."""
        self._client.close()

    def _sent(self, command: str, data: Payload) -> Outcome:
        return self._client.command(command, data, subject=getattr(data, "number", None))

    def _first(self, type_: str, form: type[P], fits: Callable[[P], bool], timeout: float) -> tuple[Heard, P] | None:
        """The first message of this type that fits, among what was kept and what comes within `timeout` seconds."""

        def fitting(heard: Heard) -> tuple[Heard, P] | None:
            data = heard.data if heard.type == type_ else None
            return (heard, data) if isinstance(data, form) and fits(data) else None

        for kept in self._heard:
            if (found := fitting(kept)) is not None:
                return found
        while (heard := self._client.hear(timeout)) is not None:
            self._heard.append(heard)
            if (found := fitting(heard)) is not None:
                return found
        return None


class Agent(Person):
    """An agent."""

    def __init__(self, url: str, agent_id: str, name: str) -> None:
        super().__init__(url)
        self.id = agent_id
        self.name = name

    def sign_on(self) -> None:
        """Sign on for everything, five tickets at most."""
        self.say("agent.sign_on", SignOn(agent_id=self.id, display_name=self.name, capacity=5, skills=["*"]))


def _named(outcome: Outcome) -> str:
    """The outcome in words; a refusal with the reason."""
    refusal = outcome.rejected
    return f"{outcome.type} ({refusal.code}: {refusal.message})" if refusal is not None else outcome.type


def wait_until(happened: Callable[[], bool], otherwise: str, seen: Callable[[], object]) -> None:
    """Return once it has happened; otherwise raise `Unlike`, which says `otherwise` and what was seen instead."""
    if not waited(happened, PATIENCE, every=0.1):
        raise Unlike(f"{otherwise} within {PATIENCE:.0f} s; seen: {seen()}")


def expect(found: object, wanted: object, what: str) -> None:
    """Raise `Unlike` unless they are equal."""
    if found != wanted:
        raise Unlike(f"{what} is {found!r} instead of {wanted!r}")
