"""The client for programs on asyncio: what `blocking.Client` does, under the same names.

The page is docs/client.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from contracts.agents import SignOn

from . import core
from .blocking import WITHIN
from .core import Data, Heard, Outcome, Sending
from .errors import ClientError, Unanswered
from .link import REPLIES, Arrived, Link


class AsyncClient:
    """A channel, an agent or the operator; `async with` connects. It raises and does what `blocking.Client` does."""

    def __init__(
        self, url: str, *, hears: str = REPLIES, within: float = 0, reconnected: Callable[[], None] = lambda: None
    ) -> None:
        """`reconnected` is called in the event loop when the client hears again after it has lost the connection: it
        may have missed messages meanwhile."""
        self._call_reconnected = reconnected
        self._within = within
        self._heard: asyncio.Queue[Arrived | None] = asyncio.Queue()
        self._in_hand: Arrived | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._link = Link(url, hears, self._deliver, self._reconnected)
        self.user = self._link.user

    async def command(
        self, type_: str, data: Data, *, id_: str | None = None, subject: str | None = None, within: float = WITHIN
    ) -> Outcome:
        """Send a command and wait for its outcome. If cancelled, it stops sending the command, which may still have an
        effect."""
        return await self._wait(core.command(self.user, type_, data, id_=id_, subject=subject), within)

    async def ask(self, type_: str, data: Data, *, within: float = WITHIN) -> Outcome:
        """Ask a question and wait for its answer."""
        return await self._wait(core.question(self.user, type_, data), within)

    def send(self, sending: Sending, *, within: float = WITHIN) -> asyncio.Future[Outcome]:
        """Like `command`, without waiting."""
        return asyncio.wrap_future(self._link.send(sending, within))

    def publish(self, sending: Sending) -> asyncio.Future[None]:
        """Send a message; the future is done when it is confirmed, and `hear` returns its outcome like anything
        else."""
        return asyncio.wrap_future(self._link.publish(sending))

    async def hear(self, timeout: float | None = None) -> Heard | None:
        """The next message that is not an awaited answer; None if none comes within `timeout` seconds."""
        self._handled()
        try:
            arrived = await asyncio.wait_for(self._next(), timeout)
        except TimeoutError:
            return None
        if arrived is None:
            self._heard.put_nowait(None)
            raise ClientError("The client is closed.")
        self._in_hand = arrived
        return arrived.heard

    async def _next(self) -> Arrived | None:
        arrived = await self._heard.get()
        while arrived is not None and self._link.comes_again(arrived):
            arrived = await self._heard.get()
        return arrived

    async def sign_on(self, me: SignOn, *, within: float = WITHIN) -> Outcome:
        """Sign an agent on, and from then on send their heartbeats, until `sign_off` or `close`."""
        outcome = await self._wait(core.sign_on(me), within)
        if outcome.rejected is None:
            self._link.beat(me)
        return outcome

    async def sign_off(self, *, release: bool = False, within: float = WITHIN) -> Outcome:
        """Sign the agent off; `release`: what awaits the desk goes to others. Raises ClientError if nobody has signed
        on."""
        me = self._link.me
        if me is None:
            raise ClientError("Nobody has signed on.")
        self._link.beat(None)
        return await self._wait(core.sign_off(me, release=release), within)

    async def close(self) -> None:
        """Leave once everything that was sent is confirmed."""
        await asyncio.to_thread(self._link.close)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.wrap_future(self._link.start(self._within))
        except BaseException:  # cancelled too: the link's thread would go on trying
            await self.close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._handled()
        await self.close()

    def _handled(self) -> None:
        if self._in_hand is not None:
            self._link.done(self._in_hand)
            self._in_hand = None

    def _reconnected(self) -> None:
        """Called in the link's thread."""
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._call_reconnected)

    def _deliver(self, arrived: Arrived | None) -> None:
        """Called in the link's thread."""
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has ended, and nobody listens any more
            self._loop.call_soon_threadsafe(self._heard.put_nowait, arrived)

    async def _wait(self, sending: Sending, within: float) -> Outcome:
        try:
            return await asyncio.wait_for(self.send(sending, within=within), within)
        except Unanswered:
            raise
        except TimeoutError:
            raise Unanswered(sending.id, sending.type, within) from None
