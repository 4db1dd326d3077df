"""Consumes with natural batching: whatever has been delivered goes into the next turn, one message when idle, up to
`LARGEST_TURN` when busy. Nobody waits for a turn to fill. It acknowledges only what a turn has finished.

One thread reads the connection, and two run turns. This module knows AMQP, and neither nameko nor a database.
docs/turn.md says how deliveries flow, and how a message that kills its consumer is kept from harming its neighbours.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from services.chassis.amqp_connection import AWAY, close, connect
from services.chassis.failing import Failing
from services.chassis.patience import Stopping
from services.chassis.reading import Delivery
from services.chassis.turn import TRIES, Decided
from services.chassis.unacknowledged import Unacknowledged, size_if_large
from services.chassis.waiting import LARGEST_TURN, LARGEST_TURN_BYTES, Waiting, is_suspect

log = logging.getLogger(__name__)

PREFETCH = 2 * LARGEST_TURN
"""One turn in work, the next at hand."""

TURNS_AT_ONCE = 2
"""One is decided while the one before it is published."""

HELD_AT_MOST = 4 * LARGEST_TURN_BYTES
"""With this many bytes of large messages in hand, the consumer stops reading: `PREFETCH` messages of the largest size
that the broker takes would be gigabytes. The rest waits in the broker."""

READ_ANYWAY = 10.0
"""Seconds after which it reads something all the same: the broker takes a client that reads nothing for dead, and the
client hears no heartbeat."""

POLL = 0.2
"""Seconds between looks at the heartbeat and at whether to stop."""

MOST_TRIED = 30
"""How many failed probes of each queue it keeps in hand, so that the next probe is a different message. The broker
takes back anyway what is in hand for half an hour (its `consumer_timeout`)."""

LONGEST_RETRY = 60.0
"""Seconds until a message that fails is tried again, at most."""

QUIET = 0.25
QUIET_AT_MOST = 5.0
"""Seconds without a delivery and without work, while nothing is acknowledged, after which a stopping consumer cancels;
and the seconds after which it cancels in any case. To a consumer who cancels, a quorum queue does not deliver what is
on its way, but counts it as delivered."""


class Handler(Protocol):
    """What is done with deliveries, in the two steps of a turn."""

    @property
    def deciding(self) -> AbstractContextManager[Any]:
        """Held while the deliveries of a turn are collected and decided: one turn of the process at a time."""

    def decide(self, deliveries: list[Delivery]) -> Decided:
        """The first step. Returns what is left to do."""

    def publish(self, decided: Decided) -> None:
        """The second step. When it returns, all deliveries may be acknowledged except `decided.again`."""


class Consumer:
    """Consumes `queues` on one connection and hands their messages to `handler`, turn by turn, at least `pause` seconds
    apart.

    Two kinds of message do not wait for that pause: what comes after a quiet time, and what has one of the routing keys
    `at_once`; whatever waits comes along. `failing` records what became of these messages, and whether they pause.
    """

    def __init__(
        self,
        url: str,
        name: str,
        queues: Sequence[str],
        handler: Handler,
        failing: Failing,
        pause: float = 0.0,
        at_once: Collection[str] = (),
    ) -> None:
        self._failing = failing
        self._probing = False
        """Whether the messages that come are probes: `Failing` pauses, and this connection was made since."""
        self._room_for_probes = 0
        self._url = url
        self._name = name
        self._queues = tuple(queues)
        self._handler = handler
        self._pause = pause
        self._at_once = frozenset(at_once)
        self._next = threading.Lock()
        """Held by the thread whose turn is next: a second thread would find nothing left."""
        self._changed = threading.Condition(threading.Lock())
        """Guards the connection's writing side and what the threads share; notified when a turn may begin."""
        self._waiting = Waiting(self._queues)
        self._retries: list[tuple[float, Delivery]] = []
        self._unacknowledged = Unacknowledged()
        self._urgent = False
        self._took_at = 0.0
        self._in_work = 0
        self._generation = 0
        """Counts connections: nobody acknowledges on a later connection what an earlier one delivered."""
        self._came: list[Delivery] = []
        """What was just read. Only the reading thread uses this and all that follows."""
        self._large_came = 0
        self._read_at = 0.0
        self._connection: Any = None
        self._channel: Any = None
        self._prefetch = 1
        self._innocent = False
        """Whether a message came on this connection that cannot have killed a consumer."""
        self._stopping = False
        self._stop_seen: float | None = None
        self._beside: Sequence[Consumer] = (self,)
        self._quiet_since = 0.0
        self._cancelled = False
        self._ended = False
        self._stopped = threading.Event()
        self._failure: BaseException | None = None

    @property
    def connected(self) -> bool:
        """Whether messages can arrive now."""
        return self._channel is not None

    @property
    def kept(self) -> int:
        """Messages that fail each time, and are kept because no message has succeeded since."""
        with self._changed:
            return sum(delivery.attempts >= TRIES for delivery in self._in_hand())

    @property
    def busy(self) -> bool:
        """Whether turns are in work, or will begin as soon as they may."""
        # Without the lock: consumers that stop together ask each other.
        return bool(self._in_work or self._came or (self._waiting and not self._failing.paused))

    def stop(self, beside: Sequence[Consumer] = ()) -> None:
        """Stop cleanly: accept no new deliveries, and handle and acknowledge every delivery that is here. Returns when
        done.

        `beside`: consumers of this process that stop too. Their turns may bring messages to this one.
        """
        self._beside = (self, *beside)
        self._stopping = True
        self._stopped.wait()

    def run(self) -> None:
        """Consume until stopped; reconnects by itself. Raises what a turn raises and does not handle itself."""
        for number in range(TURNS_AT_ONCE):
            threading.Thread(target=self._run_turns, name=f"{self._name} {number}", daemon=True).start()
        attempt = 0
        try:
            while not self._stopping:
                try:
                    self._open()
                    attempt = 0
                    self._receive()
                    close(self._connection)
                except _Pause:
                    self._drop()  # whoever else reads these queues may fare better
                except AWAY as error:
                    attempt += 1
                    log.warning("consuming interrupted", extra={"error": f"{type(error).__name__}: {error}"})
                    self._drop()
                    time.sleep(random.uniform(0.1, min(5.0, 0.2 * 2**attempt)))
        finally:
            self._drop()
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            self._stopped.set()

    # the reading thread

    def _open(self) -> None:
        self._connection = connect(self._url, self._name)
        self._channel = self._connection.channel()
        self._channel.auto_decode = False  # the sender's `content_encoding` may be any codec of Python's
        # One at a time until the first message shows that no consumer died of it; and while they are probes.
        self._innocent = self._cancelled = False
        self._probing, self._room_for_probes = self._failing.paused, 1
        with self._changed:
            self._consume(1)

    def _consume(self, prefetch: int) -> None:
        """Take this many more in hand. It does not cancel the old consumer: that would strand what is on its way."""
        self._prefetch = prefetch
        self._channel.basic_qos(0, prefetch, False)
        for queue in self._queues:
            # A new tag each time: RabbitMQ 3.10 ends the channel (541) when a quorum queue sees a tag again.
            self._channel.basic_consume(queue, callback=self._deliver(queue))

    def _deliver(self, queue: str) -> Callable[[Any], None]:
        def come(message: Any) -> None:
            info, properties = message.delivery_info, message.properties
            body = message.body
            delivery = Delivery(
                queue=queue,
                exchange=info["exchange"],
                routing_key=info["routing_key"],
                body=body.encode() if isinstance(body, str) else bytes(body),
                properties=properties,
                redelivered=bool(info["redelivered"]),
                tag=info["delivery_tag"],
                headers=properties.get("application_headers") or {},
            )
            self._came.append(delivery)
            self._large_came += size_if_large(delivery)
            self._quiet_since = time.monotonic()
            self._innocent = self._innocent or not is_suspect(delivery)

        return come

    def _receive(self) -> None:
        """Take deliveries in and let turns begin, until stopped or cut off."""
        done = False
        while not done:
            idle = False
            try:
                self._read()
            except TimeoutError:
                idle = True
            if self._failure is not None:
                raise self._failure
            with self._changed:
                if idle:
                    self._connection.heartbeat_tick()
                self._take_in()
                if self._stopping:
                    if not self._cancelled and self._may_cancel():
                        self._cancel()
                elif self._probing:
                    self._probe()
                elif self._failing.paused:
                    raise _Pause
                elif self._innocent and self._prefetch == 1:
                    self._consume(PREFETCH)
                self._put_back_due()
                if self._until_turn() <= 0:
                    self._changed.notify()
                # While it pauses, nothing that waits begins: it goes back with the connection.
                done = self._cancelled and not self._in_work and (not self._waiting or self._failing.paused)
            time.sleep(0)  # a connection that always has more to read must not keep other threads waiting

    def _take_in(self) -> None:
        """From now on, what came waits for a turn."""
        for delivery in self._came:
            self._unacknowledged.add(delivery)
            self._waiting.add(delivery)
            # A suspect has a turn of its own, so there is nothing to wait for: after an outage hundreds of them come.
            self._urgent = self._urgent or delivery.routing_key in self._at_once or is_suspect(delivery)
        self._came.clear()
        self._large_came = 0

    def _put_back_due(self) -> None:
        now = time.monotonic()
        due = [delivery for at, delivery in self._retries if at <= now]
        if due:
            self._retries = [(at, delivery) for at, delivery in self._retries if at > now]
            self._waiting.put_back(due)

    def _probe(self) -> None:
        """While it pauses: if every message in hand has failed, take one more. If one has not failed, go on with
        all."""
        if not self._failing.paused:
            self._probing = False
            for delivery in self._in_hand():
                # Their failures say nothing of them, because the service failed: they have all their tries again. But
                # they do not count again. Otherwise the ones that are really wrong would pause the service again at
                # once, forever.
                delivery.attempts, delivery.succeeded_before, delivery.is_probe = 0, None, False
            self._retries = [(0.0, delivery) for _, delivery in self._retries]
        elif (
            self._room_for_probes < MOST_TRIED and self._room_for_probes <= len(self._in_hand()) and self._all_failed()
        ):
            self._room_for_probes += 1
            self._consume(1)

    def _in_hand(self) -> list[Delivery]:
        """What is in hand and in no turn."""
        return [*self._waiting, *(delivery for _, delivery in self._retries)]

    def _all_failed(self) -> bool:
        return not self._in_work and all(delivery.attempts for delivery in self._in_hand())

    def _read(self) -> None:
        """Read what has come, or wait for it. Raises TimeoutError if nothing comes, or there is no room for it."""
        if self._is_full() and time.monotonic() - self._read_at < READ_ANYWAY:
            time.sleep(POLL / 10)
            raise TimeoutError
        self._read_at = time.monotonic()
        until = self._until_turn()
        self._connection.drain_events(timeout=until if 0 < until < POLL else POLL)
        while self._connection.has_more and len(self._came) < LARGEST_TURN and not self._is_full():
            self._connection.drain_events(timeout=POLL)

    def _is_full(self) -> bool:
        return self._unacknowledged.held + self._large_came > HELD_AT_MOST

    def _may_cancel(self) -> bool:
        """Whether nothing seems to be on its way, or it has waited long enough."""
        now = time.monotonic()
        if self._stop_seen is None:
            self._stop_seen = self._quiet_since = now
        if now - self._stop_seen >= QUIET_AT_MOST:
            return True
        if any(consumer.busy for consumer in self._beside):
            self._quiet_since = now
        if now - self._quiet_since < QUIET:
            return False
        # On a busy machine this process may have been too slow to hear. What the broker sent before its answer is heard
        # with the answer.
        since = self._quiet_since
        for queue in self._queues:
            self._channel.queue_declare(queue, passive=True)
        return self._quiet_since == since

    def _cancel(self) -> None:
        for tag in list(self._channel.callbacks):
            self._channel.basic_cancel(tag)  # waits for cancel-ok; what comes before it is taken in
        self._take_in()
        self._cancelled = True
        # Unacknowledged, these go back to the queue. So do suspects that nobody has begun: each takes a turn of its
        # own, and with hundreds of them the stop would take too long.
        self._retries.clear()
        if self._probing:
            self._waiting.clear()
        self._waiting.drop_suspects()
        self._acknowledge()

    # the threads that run turns

    def _run_turns(self) -> None:
        try:
            while self._run_turn():
                pass
        except BaseException as error:  # noqa: BLE001 - handed to the reading thread, which ends the service with it
            self._failure = error

    def _run_turn(self) -> bool:
        """Run one turn once it may begin; False when no further turn is to run."""
        deliveries: list[Delivery] = []
        try:
            with self._next:
                if not self._wait_for_turn():
                    return False
                with self._handler.deciding:
                    generation, deliveries = self._gather()
                    decided = self._handler.decide(deliveries) if deliveries else None
            if decided is not None:
                self._handler.publish(decided)
                self._settle(generation, deliveries, decided.again)
        except Stopping:
            log.warning("stopping during an outage; unfinished messages go back to their queues")
        finally:
            if deliveries:
                with self._changed:
                    self._in_work -= 1
        return True

    def _wait_for_turn(self) -> bool:
        """Wait until a turn may begin; False if none is to begin."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._until_turn() <= 0)
            return not self._over

    @property
    def _over(self) -> bool:
        return self._ended or self._failure is not None

    def _until_turn(self) -> float:
        """Seconds until a turn may begin, by what is known now."""
        if not self._waiting:
            return POLL
        if self._failing.paused:
            return self._failing.seconds_until_try() if self._probing and not self._in_work else POLL
        if self._urgent or len(self._waiting) >= LARGEST_TURN:
            return 0.0
        return self._took_at + self._pause - time.monotonic()

    def _gather(self) -> tuple[int, list[Delivery]]:
        """What waits now, for the turn that begins; and the number of the connection that delivered it."""
        with self._changed:
            deliveries = self._next_turn()
            if deliveries:
                self._in_work += 1
                self._took_at = time.monotonic()
                self._urgent = bool(self._waiting)  # what this turn left has waited already
            return self._generation, deliveries

    def _next_turn(self) -> list[Delivery]:
        if not self._failing.paused:
            return self._waiting.next_turn()
        turn = self._waiting.next_probe() if self._probing and self._failing.may_try() else []
        for delivery in turn:
            delivery.is_probe = True
        return turn

    def _settle(self, generation: int, deliveries: Sequence[Delivery], again: Sequence[Delivery]) -> None:
        """Acknowledge a turn's deliveries, except those to be tried again later."""
        with self._changed:
            if generation != self._generation:  # the broker delivers them to somebody, who finds them handled
                return
            now = time.monotonic()
            self._retries += [(now + _pause_after(delivery.attempts), delivery) for delivery in again]
            kept = {delivery.tag for delivery in again}
            self._unacknowledged.finish(delivery.tag for delivery in deliveries if delivery.tag not in kept)
            try:
                self._acknowledge()
            except AWAY as error:
                log.warning("could not acknowledge", extra={"error": f"{type(error).__name__}: {error}"})

    def _acknowledge(self) -> None:
        """Acknowledge once everything that is handled, from the oldest delivery on; behind an unfinished one,
        acknowledge one by one. A stopping consumer that waits for quiet acknowledges nothing: each acknowledgement
        would send the next message on its way."""
        if self._stopping and not self._cancelled:
            return
        last, behind = self._unacknowledged.take_finished()
        if last:
            self._channel.basic_ack(last, multiple=True)
        for tag in behind:
            self._channel.basic_ack(tag)

    def _drop(self) -> None:
        """Let go of the connection and of everything that it delivered. A turn that is still in work finds nothing to
        acknowledge, and no turn begins with what the broker delivers to somebody again."""
        with self._changed:
            self._generation += 1
            self._came.clear()
            self._large_came = 0
            self._waiting.clear()
            self._retries.clear()
            self._unacknowledged.clear()
            if self._connection is not None:
                connection, self._connection, self._channel = self._connection, None, None
                connection.collect()


class _Pause(Exception):
    """Too many messages fail: whatever is in hand goes back."""


def _pause_after(attempts: int) -> float:
    """Seconds until a message that failed this often is tried again."""
    return min(LONGEST_RETRY, 0.2 * 2.0 ** min(attempts, 10))
