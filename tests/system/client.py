"""Channels and agents of the tests: they publish commands with pipelined confirms and keep all that they hear.

Nothing is judged here. A `Listener` survives the loss of its connection, as a channel's program has to. The page is
docs/testing.md.
"""

from __future__ import annotations

import json
import math
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from contracts.envelope import CONTENT_TYPE, Event, serialise
from contracts.names import AGENT_PREFIX, DESK, INTAKE, source_of
from services.client.bus import BROKEN, Bus
from services.client.errors import ClientError
from tests.system.evidence import Heard, Sent

PATIENCE = 60.0
HEARTBEAT = 20.0
"""Seconds between an agent's heartbeats while they are signed on."""


class Ledger:
    """All commands that the broker has confirmed and all messages that were heard, by whoever it was."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.heard: list[Heard] = []
        self._outcomes: dict[tuple[str, str], Heard] = {}
        self._unanswered: dict[tuple[str, str], Sent] = {}
        self._changed = threading.Condition()

    def note_sent(self, sent: Iterable[Sent]) -> None:
        """These commands are with the broker."""
        with self._changed:
            for one in sent:
                self.sent.append(one)
                if (one.user, one.id) not in self._outcomes:
                    self._unanswered[one.user, one.id] = one

    def note_heard(self, heard: Heard) -> None:
        """This message came."""
        cause = heard.event.get("causationid")
        with self._changed:
            self.heard.append(heard)
            if cause is not None:
                self._outcomes.setdefault((heard.user, cause), heard)
                self._unanswered.pop((heard.user, cause), None)
            self._changed.notify_all()

    def outcome(self, user: str, id_: str) -> Heard | None:
        """The first message that the command of this id caused for its sender."""
        return self._outcomes.get((user, id_))

    def unanswered(self) -> list[Sent]:
        """Commands without an outcome yet."""
        with self._changed:
            return list(self._unanswered.values())

    def wait(self, holds: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
        """Wait until `holds`; it is looked at whenever something was heard. Raises AssertionError naming `what`."""
        deadline = time.monotonic() + patience
        while not holds():
            assert time.monotonic() < deadline, f"{what}: not within {patience:.0f} s"
            with self._changed:
                self._changed.wait(0.1)


class Listener:
    """Hears everything that comes for one channel or agent on its own queue, in a thread, until it is closed."""

    def __init__(
        self, url: str, user: str, queue: str, heard: Callable[[Heard], None], act: Callable[[Bus], None] | None = None
    ) -> None:
        """`act(bus)` is called often, in the listener's thread, to publish on its connection."""
        self.user = user
        self._url = url
        self._queue = queue
        self._heard = heard
        self._act = act
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"listener {queue}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                with Bus(self._url) as bus:
                    bus.consume(self._queue, self._receive)
                    while not self._closing.is_set():
                        bus.drain(0.05)
                        if self._act is not None:
                            self._act(bus)
                            bus.settle()
            except (*BROKEN, ClientError):
                self._closing.wait(0.2)

    def _receive(self, message: Any) -> None:
        body = message.body
        self._heard(Heard(self.user, body.encode() if isinstance(body, str) else bytes(body)))


class Agent:
    """An agent who signs on and, for each message of `hears` that comes, does once what `answer(ticket)` says: (type,
    data), or nothing."""

    def __init__(
        self,
        url: str,
        agent_id: str,
        ledger: Ledger,
        capacity: int,
        answer: Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]] | None] = lambda _ticket: None,
        skills: Iterable[str] = ("*",),
        hears: Collection[str] = ("ticket.assigned",),
        beats: float = HEARTBEAT,
    ) -> None:
        """`beats`: seconds between heartbeats."""
        self.id = agent_id
        self.user = AGENT_PREFIX + agent_id
        self._ledger = ledger
        self._answer = answer
        self._hears = hears
        self._done: set[tuple[str, int]] = set()
        self._unsent: list[tuple[str, bytes]] = []
        self._back_after: str | None = None
        self._beats = beats
        self._beats_at = time.monotonic() + beats
        self._me = {"display_name": agent_id.upper(), "capacity": capacity, "skills": list(skills)}
        self._plan("agent.sign_on", self._me)
        self.listener = Listener(url, self.user, f"{self.user}.inbox", self._hear, self._act)

    def take_a_break(self) -> None:
        """Sign off, giving back what awaits the desk, and on again as soon as that was answered."""
        self._back_after = self._plan("agent.sign_off", {"release": True})

    def stop_beating(self) -> None:
        """Send no heartbeat any more, so that nothing of theirs is under way when the desk stops."""
        self._beats_at = self._beats = math.inf

    def _hear(self, heard: Heard) -> None:
        self._ledger.note_heard(heard)
        if heard.type in self._hears:
            ticket = heard.event["data"]["ticket"]
            key = (ticket["number"], ticket["version"])
            if key not in self._done:
                self._done.add(key)
                todo = self._answer(ticket)
                if todo is not None:
                    self._plan(todo[0], {"number": ticket["number"], **todo[1]})
        elif self._back_after is not None and heard.event.get("causationid") == self._back_after:
            self._back_after = None
            self._plan("agent.sign_on", self._me)

    def _plan(self, type_: str, data: dict[str, Any]) -> str:
        # The id is chosen once: a command that is sent again after a lost connection is the same command.
        id_ = uuid.uuid4().hex
        self._unsent.append(command(self.user, type_, {"agent_id": self.id, **data}, id_))
        return id_

    def _act(self, bus: Bus) -> None:
        if self._back_after is None and time.monotonic() > self._beats_at:
            self._beats_at = time.monotonic() + self._beats
            self._plan("agent.heartbeat", {})
        if self._unsent:
            commands = list(self._unsent)
            publish(bus, commands, self._ledger)
            # While its confirms are awaited, more may be heard and planned.
            del self._unsent[: len(commands)]


def command(user: str, type_: str, data: Any, id_: str | None = None, **claims: str) -> tuple[str, bytes]:
    """A command's type and body, with a fresh id unless one is given; `claims` replace attributes of the envelope."""
    source = source_of(user)
    assert source is not None, f"{user} is no sender"
    attributes: dict[str, Any] = {"type": type_, "source": source, **claims}
    return type_, serialise(Event(id_ or uuid.uuid4().hex, time=datetime.now(UTC), data=data, **attributes))


def publish(bus: Bus, commands: Iterable[tuple[str, bytes]], ledger: Ledger) -> list[str]:
    """Publish commands and wait for their confirms; gives their ids."""
    exchange = DESK if bus.user.startswith(AGENT_PREFIX) else INTAKE
    sent = []
    for type_, body in commands:
        id_ = json.loads(body)["id"]
        bus.publish(exchange, type_, body, message_id=id_, content_type=CONTENT_TYPE)
        sent.append(Sent(bus.user, id_, type_))
    bus.settle()
    not_taken = [*bus.refused, *bus.returned]
    assert not not_taken, f"the broker did not take {not_taken}"
    ledger.note_sent(sent)
    return [one.id for one in sent]


def submission(account: str, issue: str | None, **more: Any) -> dict[str, Any]:
    """Data of a `ticket.submit` of this account about this issue (its key)."""
    requester = {"account_id": account, "display_name": account.title(), "tier": "standard"}
    data = {
        "requester": requester,
        "category": "technical",
        "subject": f"Something about {issue}",
        "body": f"It does not work: {issue}.",
        "issue_key": issue,
        **more,
    }
    return {name: value for name, value in data.items() if value is not None}
