"""The client for programs that block: one `Client` is one connection of one broker user, for any number of threads.

The page is docs/client.md.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from typing import Self

from contracts.agents import SignOn

from . import core
from .core import Data, Heard, Outcome, Sending
from .errors import ClientError, Unanswered
from .link import REPLIES, Arrived, Link

WITHIN = 60.0
"""How many seconds to wait for an outcome, unless the caller says otherwise."""


class Client:
    """A channel, an agent or the operator.

    Raises Unreachable if the broker cannot be reached within `within` seconds at the beginning. After that it makes a
    lost connection again, for as long as it takes.
    """

    def __init__(self, url: str, *, hears: str = REPLIES, within: float = 0) -> None:
        """`hears`: what `hear` returns (link.REPLIES: nothing)."""
        self._heard: queue.SimpleQueue[Arrived | None] = queue.SimpleQueue()
        self._in_hand: Arrived | None = None
        self._link = Link(url, hears, self._heard.put)
        self.user = self._link.user
        try:
            self._link.start(within).result()
        except BaseException:  # Ctrl-C too: the link's thread would go on trying
            self._link.close()
            raise

    def command(
        self, type_: str, data: Data, *, id_: str | None = None, subject: str | None = None, within: float = WITHIN
    ) -> Outcome:
        """Send a command and wait for its outcome, through losses of the connection. Raises Unanswered, NotTaken."""
        return self._wait(core.command(self.user, type_, data, id_=id_, subject=subject), within)

    def ask(self, type_: str, data: Data, *, within: float = WITHIN) -> Outcome:
        """Ask a question and wait for its answer, which waits behind no command. Raises what `command` raises."""
        return self._wait(core.question(self.user, type_, data), within)

    def send(self, sending: Sending, *, within: float = WITHIN) -> Future[Outcome]:
        """Like `command`, without waiting: many may be under way at once. Cancel the future to give up."""
        return self._link.send(sending, within)

    def publish(self, sending: Sending) -> Future[None]:
        """Send a message and wait only for its confirm: `hear` returns its outcome like anything else."""
        return self._link.publish(sending)

    @property
    def blocked(self) -> bool:
        """Whether the broker takes no messages now, because of a disk or memory alarm."""
        return self._link.blocked

    def hear(self, timeout: float | None = None) -> Heard | None:
        """The next message that is not an awaited answer; None if none comes within `timeout` seconds.

        It counts as handled when the program asks for the next, or leaves `with` without an exception: until then it
        comes again after a crash. Only one thread may use it. Raises ClientError when the client is closed.
        """
        self._handled()
        end = None if timeout is None else time.monotonic() + timeout
        try:
            arrived = self._heard.get(timeout=timeout)
            while arrived is not None and self._link.comes_again(arrived):
                arrived = self._heard.get(timeout=None if end is None else max(0.0, end - time.monotonic()))
        except queue.Empty:
            return None
        if arrived is None:
            self._heard.put(None)
            raise ClientError("The client is closed.")
        self._in_hand = arrived
        return arrived.heard

    def sign_on(self, me: SignOn, *, within: float = WITHIN) -> Outcome:
        """Sign an agent on, and from then on send their heartbeats, until `sign_off` or `close`."""
        outcome = self._wait(core.sign_on(me), within)
        if outcome.rejected is None:
            self._link.beat(me)
        return outcome

    def sign_off(self, *, release: bool = False, within: float = WITHIN) -> Outcome:
        """Sign the agent off; `release`: what awaits the desk goes to others. Raises ClientError if nobody has signed
        on."""
        me = self._link.me
        if me is None:
            raise ClientError("Nobody has signed on.")
        self._link.beat(None)
        return self._wait(core.sign_off(me, release=release), within)

    def close(self) -> None:
        """Leave once everything that was sent is confirmed."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._handled()
        self.close()

    def _handled(self) -> None:
        if self._in_hand is not None:
            self._link.done(self._in_hand)
            self._in_hand = None

    def _wait(self, sending: Sending, within: float) -> Outcome:
        future = self._link.send(sending, within)
        try:
            return future.result(min(within, threading.TIMEOUT_MAX))
        except Unanswered:
            raise
        except TimeoutError:
            future.cancel()
            raise Unanswered(sending.id, sending.type, within) from None
