"""How long a question and an assignment take while tens of thousands of commands wait for the one intake.

Some tickets are filed first; then the queue of people's commands is filled, and intake started. Four times a second one
of the tickets is asked for on `helpdesk.questions`, and one assigned, as routing would, until most of the backlog is
done or `PROBES` were sent. One view is sent as a command, for comparison: it waits behind all the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from contracts import topology
from contracts.envelope import Event
from contracts.names import INTAKE, QUESTIONS, source_of
from deploy.local.desk import Desk
from services.client import core
from services.client.blocking import Client
from services.routing.domain.rules import MARGIN
from tests.bench.load import Broker, submissions
from tests.bench.measure import percentile
from tests.waiting import wait

PROBES = 60
EVERY = 0.25
REST = 0.1
"""Share of the backlog that is left when probing ends."""

PATIENCE = 180.0
FILED, HEARD = "bench.filed", "web.bench"
"""The second has the name of the sender: no other queue is answered."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backlog:
    """Seconds from publish to receipt while `waiting` commands waited, and `left` when the last probe was answered."""

    waiting: int
    left: int
    asked: int
    view_p50: float
    view_largest: float
    assigned: int
    assign_p50: float
    assign_largest: float
    as_command: float
    """The same view as a command, behind the backlog."""


def backlog(desk: Desk, broker: Broker, waiting: int) -> Backlog:
    """Probe one intake that has `waiting` commands to handle."""
    numbers = _filed(desk, broker)
    broker.fill(topology.INTAKE, "ticket.submit", submissions(waiting, 0.1, "backlog"))
    with _Probe(broker, numbers) as probe:
        desk.start("intake")
        probe.until(lambda: broker.length("intake.commands"), "intake at work", lambda left: left < waiting)
        probe.view(numbers[0], INTAKE)
        for number in numbers:
            if broker.length("intake.commands") < waiting * REST:
                break
            probe.view(number, QUESTIONS)
            probe.assign(number)
            begin = time.monotonic()
            while (pause := begin + EVERY - time.monotonic()) > 0:
                probe.listen(pause)
        probe.until(
            lambda: len(probe.took("assign")) + len(probe.took("view")),
            "an answer to every probe",
            lambda answered: answered == probe.sent_fast,
        )
        left = broker.length("intake.commands")
        probe.until(lambda: probe.took("command"), "an answer to the view that was sent as a command")
    views, assignments = probe.took("view"), probe.took("assign")
    return Backlog(
        waiting,
        left,
        len(views),
        percentile(views, 0.5),
        views[-1],
        len(assignments),
        percentile(assignments, 0.5),
        assignments[-1],
        probe.took("command")[0],
    )


def _filed(desk: Desk, broker: Broker) -> Sequence[str]:
    """The numbers of tickets of `owner-0`, `owner-1`, …, in this order. Intake is stopped again."""
    broker.collect(FILED, topology.CHANNELS, "web.ticket.opened")
    mine = [(id_, body) for id_, body in submissions(PROBES, 0, "owner")]
    broker.fill(topology.INTAKE, "ticket.submit", mine)
    desk.start("intake")
    numbers: dict[str, str] = {}

    with Client(broker.url, hears=FILED) as client:

        def filed() -> int:
            if (heard := client.hear(0.1)) is not None:
                ticket = heard.event.data["ticket"]
                numbers[ticket["requester"]["id"]] = ticket["number"]
            return len(numbers)

        wait(filed, f"{PROBES} tickets", lambda count: count == PROBES, patience=PATIENCE, every=0)
    broker.forget(FILED)
    desk.kill("intake")
    return [numbers[f"owner-{place}"] for place in range(PROBES)]


class _Probe:
    """Sends views and assignments of the tickets `numbers`, and takes down how long each took."""

    def __init__(self, broker: Broker, numbers: Sequence[str]) -> None:
        broker.collect(HEARD, topology.EVENTS, "ticket.assigned")
        self._client = Client(broker.url, hears=HEARD)
        self._numbers = numbers
        self._sent: dict[str, float] = {}
        self._took: dict[str, list[float]] = {}

    def __enter__(self) -> _Probe:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def sent_fast(self) -> int:
        """Probes that wait for no backlog."""
        return sum(not id_.startswith("command") for id_ in self._sent)

    def took(self, what: str) -> list[float]:
        """Seconds that those took which came back, in order."""
        return sorted(self._took.get(what, ()))

    def view(self, number: str, exchange: str) -> None:
        """Ask for a ticket, of its requester."""
        place = len(self._sent)
        what = "view" if exchange == QUESTIONS else "command"
        account = f"owner-{self._numbers.index(number)}"
        owner = {"account_id": account, "display_name": "Owner", "tier": "standard"}
        data = {"requester": owner, "number": number}
        self._publish(exchange, "ticket.view", f"{what}-{place}", data, "web", reply_to=HEARD)

    def assign(self, number: str) -> None:
        """Assign a ticket as routing does."""
        id_ = f"assign-{number}"
        until = (datetime.now(UTC) + MARGIN).strftime("%Y-%m-%dT%H:%M:%SZ")
        data: dict[str, object] = {
            "number": number,
            "agent": {"id": "b1", "display_name": "Agent 1"},
            "assignment_seq": 0,
            "reason": "least loaded",
            "valid_until": until,
        }
        self._publish(topology.DESK, "ticket.assign", id_, data, "routing")

    def listen(self, seconds: float) -> None:
        """Take in the next that comes within this time."""
        heard = self._client.hear(seconds)
        if heard is None:
            return
        now = time.perf_counter()
        if heard.type not in ("ticket.viewed", "ticket.assigned"):
            raise SystemExit(f"bench: {heard.type} came back: {heard.event.data}")
        id_ = heard.event.causationid or ""
        self._took.setdefault(id_.partition("-")[0], []).append(now - self._sent[id_])

    def until(self, look: Callable[[], T], what: str, holds: Callable[[T], object] = bool) -> None:
        """Listen until what is seen holds."""

        def listen_and_look() -> T:
            self.listen(0.05)
            return look()

        wait(listen_and_look, what, holds, patience=PATIENCE, every=0)

    def _publish(self, exchange: str, type_: str, id_: str, data: object, user: str, **more: str) -> None:
        self._sent[id_] = time.perf_counter()
        said = Event(id_, type_, str(source_of(user)), datetime.now(UTC), data)
        self._client.publish(core.by_hand(said, exchange, type_, properties={"user_id": user, **more}))
