"""Consuming with natural batching: whatever has been delivered goes into the next turn, one message when idle, up to
`LARGEST_TURN` when busy; nobody waits for a turn to fill.

Acknowledges only what a turn brought to its end. Knows AMQP and green threads, no nameko and no database. How a
message that kills its consumer is kept from harming its neighbours: docs/turn.md.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import eventlet
from eventlet.event import Event
from eventlet.semaphore import Semaphore

from services.chassis.amqp_connection import AWAY, close, connect
from services.chassis.failing import Failing
from services.chassis.patience import Stopping
from services.chassis.reading import Delivery
from services.chassis.turn import TRIES
from services.chassis.waiting import LARGEST_TURN, LARGEST_TURN_BYTES, Waiting, is_suspect

log = logging.getLogger(__name__)

PREFETCH = 2 * LARGEST_TURN
"""One turn in work, the next one at hand."""

TURNS_AT_ONCE = 2
"""One is decided while the one before is published."""

LARGE = 64 * 1024
HELD_AT_MOST = 4 * LARGEST_TURN_BYTES
"""Bytes of large messages in hand beyond which nothing more is read: `PREFETCH` of the largest that the broker takes
would be gigabytes. What is on its way waits in the broker."""

READ_ANYWAY = 10.0
"""Seconds after which something is read all the same: who reads nothing is taken for dead, and hears no heartbeat."""

POLL = 0.2
"""Seconds between looks at the heartbeat and at whether to stop."""

MOST_TRIED = 30
"""Messages that failed as probes and are kept in hand, of each queue: the next probe is another one. What is in hand
for half an hour the broker takes back anyway (its `consumer_timeout`)."""

LONGEST_RETRY = 60.0
"""Seconds until a message that fails is tried again, at most."""

QUIET = 0.25
QUIET_AT_MOST = 5.0
"""Seconds without a delivery and without work, while nothing is acknowledged, after which a stopping consumer cancels;
and after which it does in any case. To a consumer who cancels, a quorum queue does not deliver what is on its way, but
counts it so."""

Handler = Callable[[Callable[[], list[Delivery]]], list[Delivery]]
"""Runs one turn: takes the deliveries when it is ready to decide them, returns those to try again later."""


class Consumer:
    """Consumes `queues` on one connection and hands them to `handle`, turn by turn, `pause` seconds apart or more.

    What comes after a quiet time is not kept waiting; nor is what has one of the routing keys `at_once`, and what waits
    comes along with it.
    """

    def __init__(
        self,
        url: str,
        name: str,
        queues: Sequence[str],
        handle: Handler,
        pause: float = 0.0,
        at_once: Collection[str] = (),
        failing: Failing | None = None,
    ) -> None:
        self._failing = failing or Failing(name, 1, 1, time.monotonic)
        self._probing = False
        """Whether the messages that come are for probes: `Failing` pauses, and this connection was made since."""
        self._room_for_probes = 0
        self._url = url
        self._name = name
        self._queues = tuple(queues)
        self._handle = handle
        self._pause = pause
        self._at_once = frozenset(at_once)
        self._urgent = False
        self._took_at = 0.0
        self._waiting = Waiting(self._queues)
        self._retries: list[tuple[float, Delivery]] = []
        self._unacknowledged: dict[int, bool] = {}
        """Delivery tags in order; True once handled but not yet acknowledged, behind one that is not."""
        self._large: dict[int, int] = {}
        """Bytes of the large ones among them."""
        self._read_at = 0.0
        self._places = Semaphore(TURNS_AT_ONCE)
        self._connection: Any = None
        self._channel: Any = None
        self._generation = 0
        self._prefetch = 1
        self._innocent = False
        """Whether a message came on this connection that no consumer can have died of."""
        self._in_work = 0
        self._about_to_take = False
        self._stopping = False
        self._stop_seen: float | None = None
        self._beside: Sequence[Consumer] = (self,)
        self._quiet_since = 0.0
        self._cancelled = False
        self._stopped = Event()
        self._failure: BaseException | None = None

    @property
    def connected(self) -> bool:
        """Whether messages can arrive now."""
        return self._channel is not None

    @property
    def kept(self) -> int:
        """Messages that fail each time, and are kept because none has succeeded since."""
        return sum(delivery.attempts >= TRIES for delivery in self._in_hand())

    @property
    def busy(self) -> bool:
        """Whether turns are in work, or begin as soon as they may."""
        return bool(self._in_work or (self._waiting and not self._failing.paused))

    def stop(self, beside: Sequence[Consumer] = ()) -> None:
        """Stop cleanly: no new deliveries, every one already here handled and acknowledged. Returns when done.

        `beside`: consumers of this process that stop as well. What they have in work may bring messages to this one.
        """
        self._beside = (self, *beside)
        self._stopping = True
        self._stopped.wait()

    def run(self) -> None:
        """Consume until stopped; reconnects by itself. Raises what a turn raised beyond its own handling."""
        attempt = 0
        try:
            while not self._stopping:
                try:
                    self._open()
                    attempt = 0
                    self._receive()
                    close(self._connection)
                except _Pause:
                    self._drop()  # whoever else reads these queues may do better
                except AWAY as error:
                    attempt += 1
                    log.warning("consuming interrupted", extra={"error": f"{type(error).__name__}: {error}"})
                    self._drop()
                    eventlet.sleep(random.uniform(0.1, min(5.0, 0.2 * 2**attempt)))
        finally:
            self._drop()
            self._stopped.send()

    # receiving

    def _open(self) -> None:
        self._connection = connect(self._url, self._name)
        self._channel = self._connection.channel()
        self._channel.auto_decode = False  # the sender's `content_encoding` may be any codec of Python's
        # Until the first message shows that no consumer died of it, one at a time; so while they are for probes.
        self._innocent = self._cancelled = False
        self._probing, self._room_for_probes = self._failing.paused, 1
        self._consume(1)

    def _consume(self, prefetch: int) -> None:
        """Consume with so much more in hand. What there was is not cancelled: that would strand what is on its way."""
        self._prefetch = prefetch
        self._channel.basic_qos(0, prefetch, False)
        for queue in self._queues:
            # A tag of its own each time: RabbitMQ 3.10 ends the channel (541) when a quorum queue sees one again.
            self._channel.basic_consume(queue, callback=self._deliver(queue))

    def _deliver(self, queue: str) -> Callable[[Any], None]:
        def take(message: Any) -> None:
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
            self._unacknowledged[delivery.tag] = False
            if len(delivery.body) > LARGE:
                self._large[delivery.tag] = len(delivery.body)
            self._waiting.add(delivery)
            # A suspect one has a turn of its own, so there is nothing to wait for: hundreds of them come after outages.
            self._urgent = self._urgent or delivery.routing_key in self._at_once or is_suspect(delivery)
            self._quiet_since = time.monotonic()
            self._innocent = self._innocent or not is_suspect(delivery)

        return take

    def _receive(self) -> None:
        """Take deliveries in and send turns off until stopped or cut; the only reader of the connection."""
        while True:
            try:
                self._read()
            except TimeoutError:
                self._connection.heartbeat_tick()
            if self._failure is not None:
                raise self._failure
            if self._stopping:
                if not self._cancelled and self._may_cancel():
                    self._cancel()
            elif self._probing:
                self._probe()
            elif self._failing.paused:
                raise _Pause
            elif self._innocent and self._prefetch == 1:
                self._consume(PREFETCH)
            self._send_off()
            # What waits while it pauses begins no more: it goes back with the connection.
            if self._cancelled and not self._in_work and (not self._waiting or self._failing.paused):
                return

    def _probe(self) -> None:
        """Have another message at hand if all that are have failed; or go on, if one has not."""
        if not self._failing.paused:
            self._probing = False
            for delivery in self._in_hand():
                # That the service failed says nothing of them, so they have all their tries. But they do not count
                # once more: else those that are wrong would pause it again at once, and so for ever.
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
        """Take in what has come, or wait for it. Raises TimeoutError when nothing comes, or there is no room for it."""
        if self._is_full() and time.monotonic() - self._read_at < READ_ANYWAY:
            eventlet.sleep(POLL / 10)
            raise TimeoutError
        self._read_at = time.monotonic()
        until = self._until_turn()
        self._connection.drain_events(timeout=until if 0 < until < POLL else POLL)
        while self._connection.has_more and len(self._waiting) < LARGEST_TURN and not self._is_full():
            self._connection.drain_events(timeout=POLL)

    def _is_full(self) -> bool:
        return sum(self._large.values()) > HELD_AT_MOST

    def _may_cancel(self) -> bool:
        """Whether nothing is on its way, as far as can be told here; or it was waited for long enough."""
        now = time.monotonic()
        if self._stop_seen is None:
            self._stop_seen = self._quiet_since = now
        if now - self._stop_seen >= QUIET_AT_MOST:
            return True
        if any(one.busy for one in self._beside):
            self._quiet_since = now
        if now - self._quiet_since < QUIET:
            return False
        # On a busy machine it may be this process that was too slow to hear: what the broker sent before it answers
        # is heard with the answer.
        since = self._quiet_since
        for queue in self._queues:
            self._channel.queue_declare(queue, passive=True)
        return self._quiet_since == since

    def _cancel(self) -> None:
        for tag in list(self._channel.callbacks):
            self._channel.basic_cancel(tag)  # waits for cancel-ok; what comes before it is taken in
        self._cancelled = True
        # Unacknowledged, they go back to the queue. So do suspect ones that nobody has begun: each takes a turn of its
        # own, and with hundreds of them the stop would be too long for whoever waits for it.
        self._retries.clear()
        if self._probing:
            self._waiting.clear()
        self._waiting.drop_suspects()
        self._acknowledge([])

    # turns

    def _send_off(self) -> None:
        now = time.monotonic()
        due = [delivery for at, delivery in self._retries if at <= now]
        if due:
            self._retries = [(at, delivery) for at, delivery in self._retries if at > now]
            self._waiting.put_back(due)
        self._start_turn()
        eventlet.sleep(0)

    def _start_turn(self) -> None:
        """Have one turn about to take what waits, if it is time; a second one would find nothing left."""
        if self._until_turn() <= 0 and not self._about_to_take and self._places.acquire(blocking=False):
            self._about_to_take = True
            self._in_work += 1
            eventlet.spawn(self._work, self._generation)

    def _until_turn(self) -> float:
        """Seconds until a turn may begin, as far as is known now."""
        if not self._waiting:
            return POLL
        if self._failing.paused:
            return self._failing.seconds_until_try() if self._probing and not self._in_work else POLL
        if self._urgent or len(self._waiting) >= LARGEST_TURN:
            return 0.0
        return self._took_at + self._pause - time.monotonic()

    def _next_turn(self) -> list[Delivery]:
        if not self._failing.paused:
            return self._waiting.next_turn()
        turn = self._waiting.next_probe() if self._probing and self._failing.may_try() else []
        for delivery in turn:
            delivery.is_probe = True
        return turn

    def _work(self, generation: int) -> None:
        """One turn, in a green thread of its own; the next one stands ready as soon as it has taken its messages."""
        turn: list[Delivery] = []
        taken = False

        def take() -> list[Delivery]:
            nonlocal taken
            taken, self._about_to_take = True, False
            self._took_at = time.monotonic()
            if generation == self._generation:  # what came on a later connection is for later turns
                turn.extend(self._next_turn())
            self._urgent = bool(self._waiting)  # what this turn left has waited already
            self._start_turn()
            return turn

        try:
            again = self._handle(take)
            if generation == self._generation:  # else the broker gives them to somebody, who finds them handled
                for delivery in again:
                    self._retries.append((time.monotonic() + _pause_after(delivery.attempts), delivery))
                kept = {delivery.tag for delivery in again}
                self._acknowledge([delivery.tag for delivery in turn if delivery.tag not in kept])
        except Stopping:
            log.warning("stopping while something is away; what is in hand goes back to its queue")
        except AWAY as error:
            log.warning("could not acknowledge", extra={"error": f"{type(error).__name__}: {error}"})
        except BaseException as error:  # noqa: BLE001 - handed to the receiving thread, which ends the service with it
            self._failure = error
        finally:
            self._about_to_take = self._about_to_take and taken
            self._in_work -= 1
            self._places.release()
            if self._failure is None:
                self._start_turn()

    def _acknowledge(self, tags: Sequence[int]) -> None:
        """Acknowledge once for all that is handled from the oldest on; one by one behind an unfinished one.

        Not while a stopping consumer waits for quiet: each acknowledgement would send the next message on its way.
        """
        for tag in tags:
            self._unacknowledged[tag] = True
        if self._stopping and not self._cancelled:
            return
        last = 0
        for tag, done in self._unacknowledged.items():
            if not done:
                break
            last = tag
        finished = [tag for tag, done in self._unacknowledged.items() if done]
        for tag in finished:
            del self._unacknowledged[tag]
            self._large.pop(tag, None)
        if last:
            self._channel.basic_ack(last, multiple=True)
        for tag in finished:
            if tag > last:
                self._channel.basic_ack(tag)

    def _drop(self) -> None:
        """Let go of the connection and of all that it delivered: a turn still in work finds nothing to acknowledge, and
        none begins with what the broker gives to somebody anyway."""
        self._generation += 1
        self._waiting.clear()
        self._retries.clear()
        self._unacknowledged.clear()
        self._large.clear()
        if self._connection is not None:
            connection, self._connection, self._channel = self._connection, None, None
            connection.collect()


class _Pause(Exception):
    """Too many messages fail: what is in hand goes back."""


def _pause_after(attempts: int) -> float:
    """Seconds until a message that failed so often is tried again."""
    return min(LONGEST_RETRY, 0.2 * 2.0 ** min(attempts, 10))
