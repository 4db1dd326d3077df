"""Keeps one connection to the broker in a thread of its own, for both clients: connects again when it is lost, sends
what it gets until that is done, acknowledges what was handled, and sends an agent's heartbeats.

Everything here runs in that thread except the methods that say otherwise. The page is docs/client.md;
docs/decisions/0018-one-thread-under-both-clients.md says why a thread, also under asyncio.
"""

from __future__ import annotations

import logging
import math
import random
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from amqp.exceptions import ChannelError

from contracts.agents import SignOn
from contracts.envelope import NotAnEvent
from contracts.names import role_of

from . import core
from .bus import BROKEN, UNWRITABLE, Bus
from .core import HEARTBEAT, Heard, Outcome, Sending, UnderWay
from .errors import ClientError, LoginRefused, NotTaken, Unanswered, Unreachable, Unroutable

log = logging.getLogger(__name__)

REPLIES, COPY, INBOX, LIVE = "replies", "copy", "inbox", "live"
"""What a client hears: the outcomes of its own commands; a copy of all that goes to its user, as long as it is
connected; what is kept for its user; or which tickets change, as long as it is connected. Any other word is the name of
one of the user's queues."""

HEARS_BACK = ("channel", "agent", "operator")
"""Roles that may have a queue for answers."""

WINDOW = 1000
"""Messages that are published and not confirmed yet, at most."""

PREFETCH = 500
"""Messages that the broker hands over before earlier ones are handled."""

ANSWERS_WITHIN = 15.0
"""Seconds that the broker may take to answer before the connection counts as lost."""

LEAVES_WITHIN = 10.0
"""Seconds that it waits, when leaving, for what is not confirmed yet."""

PUBLISH = (60, 40)
"""AMQP's class and method of `basic.publish`."""

AMQP_HEARTBEAT = 20
LOOK_EVERY = 0.25
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before it connects again; each time twice as long."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that the client hears; `done(arrived)` acknowledges it. `connection`: the one that it came by."""

    heard: Heard
    tag: int
    connection: int


@dataclass(frozen=True, slots=True)
class _Given:
    sending: Sending
    within: float | None
    """None: only its confirm is awaited."""
    future: Future[Any]


class Link:
    """The connection of one broker user, kept up from `start` to `close`."""

    def __init__(
        self,
        url: str,
        hears: str,
        deliver: Callable[[Arrived | None], None],
        reconnected: Callable[[], None] = lambda: None,
    ) -> None:
        """Calls `deliver` in the link's thread with each message that is not an awaited answer, and with None at the
        end; and `reconnected` when it hears again after the connection was lost."""
        self.user = Bus.user_of(url)
        self.me: SignOn | None = None
        """The agent that signed on."""
        self._url = url
        self._hears = hears
        self._keeps = hears not in (REPLIES, COPY, LIVE)
        """Whether what it hears stays in its queue while it is not connected."""
        self._deliver = deliver
        self._reconnected = reconnected
        self._given: deque[_Given] = deque()
        self._closed = False
        self._taking = threading.Lock()
        """Held while something is given, and while the link is closed: after that it accepts nothing, because nobody
        would see to it."""
        self._done: deque[Arrived] = deque()
        self._wakes, self._waker = socket.socketpair()
        for end in (self._wakes, self._waker):
            end.setblocking(False)
        self._under_way = UnderWay()
        self._futures: dict[int, list[Future[Any]]] = {}
        """The waiting callers, by the number of `UnderWay`."""
        self._within: dict[int, float] = {}
        self._numbers: dict[int, tuple[int, str]] = {}
        """What goes by which number of `UnderWay`, and its id, by the broker's number."""
        self._bus: Bus | None = None
        self._reply_to = ""
        self._connections = 0
        """Counts up with each connection, and when it is lost."""
        self._trouble = ""
        self._look_at = 0.0
        self._beat_at = 0.0
        self._leaves_at: float | None = None
        self._up: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=f"casebus client {self.user}", daemon=True)

    # called from other threads

    def start(self, within: float) -> Future[None]:
        """Connect. The future is done when it has connected, and raises Unreachable if it cannot within `within`
        seconds."""
        self._give_up_at = time.monotonic() + within
        self._thread.start()
        return self._up

    def send(self, sending: Sending, within: float) -> Future[Outcome]:
        """Send until there is an outcome, for `within` seconds: then the future raises Unanswered. It raises NotTaken
        if the broker does not take it. Cancel it to give up earlier. What is under way already is awaited, not sent
        again."""
        return self._give(_Given(sending, within, Future()))

    def publish(self, sending: Sending) -> Future[None]:
        """Send until it is confirmed; its outcome is delivered like any other message. The future raises NotTaken."""
        return self._give(_Given(sending, None, Future()))

    @property
    def blocked(self) -> bool:
        """Whether the broker takes no messages now, because of an alarm."""
        bus = self._bus
        return bus is not None and bus.blocked

    def done(self, arrived: Arrived) -> None:
        """It was handled: the broker may forget it."""
        self._done.append(arrived)
        self._wake()

    def comes_again(self, arrived: Arrived) -> bool:
        """Whether the broker will deliver it once more anyway: its connection was lost before it was handled."""
        return self._keeps and arrived.connection != self._connections

    def beat(self, me: SignOn | None) -> None:
        """From now on send this agent's heartbeats; None: stop."""
        self.me, self._beat_at = me, time.monotonic() + HEARTBEAT
        self._wake()

    def close(self) -> None:
        """Leave once everything that it got is confirmed; after LEAVES_WITHIN seconds in any case. Whoever waits for an
        outcome hears that it will not come."""
        with self._taking:
            self._closed = True
        self.me = None
        self._leaves_at = time.monotonic() + LEAVES_WITHIN
        self._wake()
        if self._thread.ident is not None:
            self._thread.join()

    def _give(self, given: _Given) -> Future[Any]:
        with self._taking:
            if self._closed or not self._thread.is_alive():
                raise ClientError("The client is not connected, or is closed.")
            self._given.append(given)
        self._wake()
        return given.future

    def _wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            pass  # waking it once is enough
        except OSError:
            pass  # it has left

    # the thread

    def _run(self) -> None:
        pause = SHORTEST_PAUSE
        try:
            while not self._may_leave():
                try:
                    self._connect()
                    pause = SHORTEST_PAUSE
                    self._work()
                except (*BROKEN, Unreachable) as error:
                    if isinstance(error, ChannelError) and error.method_sig == PUBLISH:
                        self._refuse(error)
                    self._lost(error)
                    if self._has_failed(error):
                        return
                    self._pause(pause * random.uniform(0.5, 1))
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            self._end()

    def _pause(self, seconds: float) -> None:
        """Sleep this long, whatever is given in the meantime."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._may_leave():
            self._wait(min(left, LOOK_EVERY))
            self._done.clear()  # the broker has taken back what it had delivered
            self._see_to()

    def _has_failed(self, error: Exception) -> bool:
        """Whether it gives up because it was never connected."""
        if self._up.done() or (time.monotonic() < self._give_up_at and not isinstance(error, LoginRefused)):
            return False
        if not isinstance(error, ClientError):
            error = Unreachable(f"The broker does not let {self.user} read its messages: {error}.")
        self._up.set_exception(error)
        return True

    def _connect(self) -> None:
        self._bus = bus = Bus(self._url, window=2 * WINDOW, heartbeat=AMQP_HEARTBEAT, within=ANSWERS_WITHIN)
        self._connections += 1
        self._trouble = ""
        bus.on_confirmed, bus.on_refused = self._confirmed, self._refused
        if role_of(self.user) in HEARS_BACK:
            self._reply_to = bus.own_queue()
            bus.consume(self._reply_to, self._replied, acknowledge=False)
        if self._hears != REPLIES:
            bus.hold(self._queue(bus), self._came, PREFETCH)
        if self._up.done():
            self._reconnected()
        else:
            self._up.set_result(None)

    def _queue(self, bus: Bus) -> str:
        if self._hears == COPY:
            return bus.own_queue(core.own_door(self.user))
        if self._hears == LIVE:
            return bus.own_queue(core.CHANGES)
        return core.inbox(self.user) if self._hears == INBOX else self._hears

    def _work(self) -> None:
        """Until it may leave. Raises what the loss of the connection raises."""
        bus = self._bus
        assert bus is not None
        more = False
        while not self._may_leave():
            self._beat()
            self._see_to()
            self._publish(bus)
            self._acknowledge(bus)
            if not more:
                self._wait(LOOK_EVERY if len(self._under_way) else 1.0, bus.socket)
            more = bus.drain()

    def _may_leave(self) -> bool:
        if self._leaves_at is None:
            return False
        left = self._given or self._done or self._under_way.unconfirmed
        return not left or time.monotonic() > self._leaves_at

    def _see_to(self) -> None:
        """Take in what was given, and check what is due."""
        while self._given:
            given = self._given.popleft()
            deadline = math.inf if given.within is None else time.monotonic() + given.within
            under_way = None if given.within is None else self._under_way.awaiting(given.sending.id)
            if under_way is None:
                under_way = self._under_way.add(given.sending, awaited=given.within is not None, deadline=deadline)
                self._futures[under_way] = []
            self._under_way.prolong(under_way, deadline)
            self._futures[under_way].append(given.future)
            self._within[under_way] = given.within or 0
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        for number in self._under_way.look(now):
            sending = self._under_way.sending(number)
            self._fail(number, Unanswered(sending.id, sending.type, self._within[number]))
        for number in [number for number in self._futures if self._is_given_up(number)]:
            self._forget(number)

    def _is_given_up(self, number: int) -> bool:
        return all(future.cancelled() for future in self._futures[number])

    def _publish(self, bus: Bus) -> None:
        if bus.blocked:
            return
        while (number := self._under_way.next(WINDOW)) is not None:
            if self._is_given_up(number):
                self._forget(number)
                continue
            sending = self._under_way.sending(number)
            properties = sending.all_properties
            if self._under_way.awaiting(sending.id) == number:
                # On a queue of its own, the outcome does not wait behind the user's messages.
                properties |= {"reply_to": self._reply_to, "correlation_id": sending.id}
            try:
                tag = bus.publish(sending.exchange, sending.routing_key, sending.body, **properties)
            except UNWRITABLE as error:
                self._not_taken(number, f"AMQP cannot carry its properties ({error})")
                continue
            self._numbers[tag] = number, sending.id
            self._under_way.published(number, time.monotonic())

    def _confirmed(self, broker_number: int) -> None:
        number, id_ = self._numbers.pop(broker_number)
        assert self._bus is not None
        if id_ in self._bus.returned:
            self._bus.returned.remove(id_)
            self._not_taken(number, None)
        elif self._under_way.confirmed(number):
            self._settle(number, None)

    def _refused(self, broker_number: int) -> None:
        number, _ = self._numbers.pop(broker_number)
        self._not_taken(number, "its queue is full")

    def _refuse(self, error: ChannelError) -> None:
        """The broker has closed the channel because of something that was published."""
        guilty = self._under_way.refused_one()
        if guilty is not None:
            self._not_taken(guilty, f"the broker says {error.reply_text}")

    def _not_taken(self, number: int, why: str | None) -> None:
        """`why`: what the broker says; None: no queue takes it."""
        if number in self._futures:
            sending = self._under_way.sending(number)
            named = sending.id, sending.type
            self._fail(number, Unroutable(*named) if why is None else NotTaken(*named, why))
        self._under_way.not_taken(number)

    def _replied(self, message: Any) -> None:
        """What came on the queue of answers: a second answer, or one that comes too late, belongs to nobody."""
        self._is_answer(self._read(message))

    def _came(self, message: Any) -> None:
        found = self._read(message)
        arrived = None if found is None else Arrived(found, message.delivery_tag, self._connections)
        if arrived is None or self._is_answer(found):
            assert self._bus is not None
            self._bus.acknowledge(message.delivery_tag)
        else:
            self._deliver(arrived)

    def _read(self, message: Any) -> Heard | None:
        try:
            return core.heard(self.user, bytes(message.body))
        except NotAnEvent as error:
            log.warning("what came for %s is not an event: %s", self.user, error)
            return None

    def _is_answer(self, found: Heard | None) -> bool:
        """Whether it is an awaited outcome, which its waiter gets now or has had before: if the client hears its user's
        messages, each outcome comes there too."""
        if not isinstance(found, Outcome) or found.event.causationid is None:
            return False
        number = self._under_way.awaiting(found.event.causationid)
        if number is None:
            return self._under_way.was_answered(found.event.causationid)
        self._under_way.answered(number)
        self._settle(number, found)
        return True

    def _settle(self, number: int, result: Outcome | None) -> None:
        for future in self._futures.get(number, ()):
            if future.set_running_or_notify_cancel():
                future.set_result(result)
        self._forget(number)

    def _fail(self, number: int, error: ClientError) -> None:
        for future in self._futures.get(number, ()):
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        self._forget(number)

    def _acknowledge(self, bus: Bus) -> None:
        while self._done:
            arrived = self._done.popleft()
            if arrived.connection == self._connections:  # what an earlier connection delivered comes again
                bus.acknowledge(arrived.tag)

    def _beat(self) -> None:
        if self.me is None or time.monotonic() < self._beat_at:
            return
        self._beat_at = time.monotonic() + HEARTBEAT
        future: Future[Any] = Future()
        future.add_done_callback(self._beaten)
        self._given.append(_Given(core.heartbeat(self.me), HEARTBEAT, future))

    def _beaten(self, future: Future[Outcome]) -> None:
        """Sign an agent on again whom the desk has signed off for their silence."""
        if self.me is not None and future.exception() is None and future.result().rejected is not None:
            log.info("%s was signed off and signs on again", self.user)
            self._given.append(_Given(core.sign_on(self.me), HEARTBEAT, Future()))

    def _forget(self, number: int) -> None:
        self._futures.pop(number, None)
        self._within.pop(number, None)
        self._under_way.forget(number)

    def _lost(self, error: Exception) -> None:
        if self._bus is not None:
            log.info("%s has lost the broker (%s) and reconnects", self.user, error)
            self._bus.close()
            self._connections += 1
        elif self._up.done() and str(error) != self._trouble:
            log.warning("%s cannot reconnect, and goes on trying: %s", self.user, error)
            self._trouble = str(error)
        self._bus = None
        self._numbers.clear()
        self._under_way.lost()

    def _wait(self, seconds: float, *sockets: Any) -> None:
        """Wait until there is something to send, or something comes."""
        if not self._given and not self._done:
            with selectors.DefaultSelector() as selector:
                for each in (self._wakes, *sockets):
                    selector.register(each, selectors.EVENT_READ)
                selector.select(seconds)
        try:
            while self._wakes.recv(4096):
                pass
        except BlockingIOError:
            pass  # all wakings are taken

    def _end(self) -> None:
        with self._taking:
            self._closed = True
        self._look_at = math.inf
        self._see_to()
        for number in list(self._futures):
            self._fail(number, ClientError("The client was closed before there was an outcome."))
        if not self._up.done():
            self._up.set_exception(ClientError("The client was closed before it was connected."))
        if self._bus is not None:
            self._bus.close()
        self._wakes.close()
        self._waker.close()
        self._deliver(None)
