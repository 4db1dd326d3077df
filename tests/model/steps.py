"""The steps that every machine of the model-based tests has: messages are delivered in any order, again and late;
instances die; timers fire; time passes; the desk comes to rest.

A subclass adds what people do. The page is docs/testing.md.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.envelope import Event, serialise
from contracts.names import SERVICES, source_of
from services.chassis.reading import Delivery
from services.chassis.unit_of_work import Work
from tests.model.desk import FAULTS, Databases, Fault, ModelDesk, emptied
from tests.model.drawn import faults, instances, places, then
from tests.model.network import outgoing
from tests.system.evidence import Sent


class Watching(Protocol):
    """What sees all, and raises `Broken` with what is wrong."""

    sent: list[Sent]

    def committed(self, service: str, work: Work, in_hand: Sequence[Delivery], overtaken: bool) -> None:
        """One turn was stored; `overtaken`: another instance stored something after this one had read."""

    def at_rest(self) -> None:
        """Judge the whole."""


class Machine(RuleBasedStateMachine):
    """One desk from empty; `databases` are to be set by a subclass. A machine makes its `witness` before its first
    step."""

    databases: ClassVar[Databases]
    seen: ClassVar[Counter[str]] = Counter()
    """How often what happened, over all examples."""

    services: ClassVar[Sequence[str]] = SERVICES
    """Those that run."""
    fires: ClassVar[Sequence[str]]
    """Services with timers; the same several times, if that fires more often."""
    takes: ClassVar[Sequence[str]]
    """The queues of commands, in the order in which they are looked at right after something was sent."""

    witness: Watching

    def __init__(self) -> None:
        super().__init__()
        logging.getLogger("services").setLevel(logging.ERROR)  # what dies and is lost here is meant to
        emptied(self.databases)
        self.desk = ModelDesk(self.databases, lambda *told: self.witness.committed(*told))
        self.sent: list[tuple[str, str, Mapping[str, Any], str]] = []

    # the network and the instances

    @rule(
        queue=places, order=st.lists(places, min_size=1, max_size=6), n=instances, fault=faults, overtaken=st.booleans()
    )
    def deliver(self, queue: int, order: Sequence[int], n: int, fault: Fault, overtaken: bool) -> None:
        """Some messages of one queue in any order; `overtaken`: what is left of it is another's in the same moment."""
        waiting = [name for name, held in self.desk.network.queues.items() if held]
        if not waiting:
            return
        chosen = waiting[queue % len(waiting)]
        held = self.desk.network.queues[chosen]
        taken = list(dict.fromkeys(place % len(held) for place in order))
        meanwhile = partial(self._overtake, chosen, 1 - n) if overtaken else None
        self.desk.deliver(chosen, taken, n, fault, meanwhile)
        self._count(f"fault: {fault}" if fault else "", "overtaken" if overtaken else "")

    @rule(queue=places, place=places, redelivered=st.booleans())
    def deliver_once_more(self, queue: int, place: int, redelivered: bool) -> None:
        delivered = [held for held in self.desk.network.delivered.values() if held]
        if delivered:
            held = delivered[queue % len(delivered)]
            self.desk.network.repeat(held[-1 - place % len(held)], redelivered)
            self._count("delivered once more")

    @rule(place=places, otherwise=st.booleans(), then=then)
    def send_again(self, place: int, otherwise: bool, then: str) -> None:
        """A command with the id of an earlier one, perhaps with another body: without a second effect."""
        if not self.sent:
            return
        user, type_, data, id_ = self.sent[-1 - place % len(self.sent)]
        if otherwise and "body" in data:
            data = {**data, "body": f"other {data['body']}"}
        self._publish(user, type_, data, id_, then)
        self._count("sent again")

    @rule(place=places, n=instances, fault=faults, overtaken=st.booleans())
    def fire(self, place: int, n: int, fault: Fault, overtaken: bool) -> None:
        """Due timers; `overtaken`: another instance handles what waits for this service in the same moment."""
        service, meanwhile = self.fires[place % len(self.fires)], None
        if overtaken:
            queues = [queue for queue in self.desk.network.queues if queue.startswith(service)]
            meanwhile = partial(self._overtake, queues[n % len(queues)], 1 - n)
        if self.desk.fire(service, n, fault, meanwhile):
            self._count(f"timers of {service}", f"fault: {fault}" if fault else "")

    # time

    @rule(place=places, n=instances, fault=faults, waits=st.booleans())
    def until_a_timer(self, place: int, n: int, fault: Fault, waits: bool) -> None:
        """To the next timer, which fires to the moment, or `waits` for whoever comes first."""
        service = self.fires[place % len(self.fires)]
        row = self.databases[service][0]["timers"].find_one(sort=[("due", 1)])
        if row is not None:
            self.desk.clock.now = max(self.desk.clock.now, row["due"])
            self._count(f"time: to a timer of {service}")
            if not waits:
                self.fire(place, n, fault, overtaken=False)

    @rule(seconds=st.sampled_from((0.001, 1, 20, 65, 700, 86_400, 3 * 86_400, 8 * 86_400, 31 * 86_400)))
    def time_passes(self, seconds: float) -> None:
        self.desk.clock.now += timedelta(seconds=seconds)

    @rule()
    def come_to_rest(self) -> None:
        """Everything is handled; the whole is judged."""
        self.desk.settle()
        self.witness.at_rest()
        self._count("at rest")

    @invariant()
    def count_the_step(self) -> None:
        self._count("steps")

    def teardown(self) -> None:
        """After the last step."""
        self.come_to_rest()
        for heard in self.desk.network.heard:
            if heard.type == "command.rejected":
                self._count(f"outcome: {heard.event['data']['code']}")
            elif heard.type != "notification.message":
                self._count(f"heard: {heard.type}")
        self._count(*(f"event: {heard.type}" for heard in self.desk.network.events))

    # how

    def _send(self, user: str, type_: str, data: Mapping[str, Any], then: str) -> None:
        id_ = f"c{len(self.sent)}"
        self.sent.append((user, type_, data, id_))
        self.witness.sent.append(Sent(user, id_, type_))
        self._publish(user, type_, data, id_, then)

    def _publish(self, user: str, type_: str, data: Mapping[str, Any], id_: str, then: str) -> None:
        event = Event(id_, type_, source_of(user) or "", self.desk.clock.now, data)
        self.desk.network.publish(user, outgoing(user, id_, type_, serialise(event)))
        if then == "settle":
            self.desk.settle()
        elif then != "wait":
            fault: Fault = next((fault for fault in FAULTS if fault == then), "")
            self._count(f"fault: {fault}" if fault else "")
            for queue in self.takes:
                waiting = len(self.desk.network.queues[queue])
                if then == "overtaken" and waiting > 1:
                    self.desk.deliver(queue, [waiting - 1], 0, "", partial(self._overtake, queue, 1))
                    self._count("overtaken")
                self._deliver_rest(queue, len(self.sent) % 2, fault)

    def _deliver_rest(self, queue: str, n: int, fault: Fault = "") -> None:
        held = self.desk.network.queues[queue]
        if held:
            self.desk.deliver(queue, range(len(held)), n, fault)

    def _overtake(self, queue: str, n: int) -> None:
        """What another instance does between what one has read and what it writes."""
        self._deliver_rest(queue, n)

    def _count(self, *what: str) -> None:
        self.seen.update(filter(None, what))
