"""The lines between the services and their broker and database, as TCP proxies that a test can make slow, cut or hang.

It forwards bytes and knows no protocol. It runs in a process of its own, so that the test's threads do not slow it. The
page is docs/testing.md.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

PIECE = 256 * 1024


class Lines:
    """One proxy for each name: `ports[name]` leads to the port `targets[name]` of this machine."""

    def __init__(self, targets: Mapping[str, int]) -> None:
        context = multiprocessing.get_context("spawn")
        self._control, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(dict(targets), theirs), daemon=True)
        self._process.start()
        self.ports: dict[str, int] = self._control.recv()

    def slow(self, names: Iterable[str], seconds: float) -> None:
        """From now on everything that passes, either way, takes this much longer; 0: as before."""
        self._tell("slow", names, seconds)

    def hang(self, names: Iterable[str], on: bool) -> None:
        """Nothing passes, not even the end of a connection, until it is released."""
        self._tell("hang", names, on)

    def cut(self, names: Iterable[str]) -> None:
        """Break all connections, at once and in the middle of whatever passes."""
        self._tell("cut", names, None)

    def lose_answers(self, names: Iterable[str]) -> None:
        """Break each connection just when the next answer comes: what was asked was done, and nobody hears it."""
        self._tell("lose_answers", names, None)

    def close(self) -> None:
        """Break everything and end."""
        self._control.close()
        self._process.join(10)

    def _tell(self, what: str, names: Iterable[str], value: object) -> None:
        self._control.send((what, list(names), value))


@dataclass(eq=False)
class _Line:
    """One proxy, in its present state."""

    target: int
    delay: float = 0.0
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    ends: set[_Ends] = field(default_factory=set)


@dataclass(eq=False)
class _Ends:
    """One connection: the service's end and the server's."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    loses_answer: bool = False

    def abort(self) -> None:
        """Drop both, with what is on the way."""
        for end in (self.near, self.far):
            end.transport.abort()


def _run(targets: dict[str, int], control: Connection) -> None:
    asyncio.run(_serve(targets, control))


async def _serve(targets: dict[str, int], control: Connection) -> None:
    lines = {name: _Line(target) for name, target in targets.items()}
    servers = {}
    for name, line in lines.items():
        line.flowing.set()
        servers[name] = await asyncio.start_server(_connected(line), "127.0.0.1", 0, limit=PIECE)
    over = asyncio.Event()

    def listen() -> None:
        try:
            what, names, value = control.recv()
        except EOFError:
            over.set()
            asyncio.get_running_loop().remove_reader(control.fileno())
            return
        for name in names:
            _change(lines[name], what, value)

    asyncio.get_running_loop().add_reader(control.fileno(), listen)
    control.send({name: server.sockets[0].getsockname()[1] for name, server in servers.items()})
    await over.wait()
    for server in servers.values():
        server.close()
    for line in lines.values():
        line.flowing.set()
    while any(line.ends for line in lines.values()):
        for line in lines.values():
            _change(line, "cut", None)
        await asyncio.sleep(0.01)


def _change(line: _Line, what: str, value: float | bool | None) -> None:
    match what:
        case "slow":
            line.delay = float(value or 0)
        case "hang" if value:
            line.flowing.clear()
        case "hang":
            line.flowing.set()
        case "cut":
            for ends in line.ends:
                ends.abort()
        case "lose_answers":
            for ends in line.ends:
                ends.loses_answer = True


def _connected(line: _Line) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(from_near: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            from_far, far = await asyncio.open_connection("127.0.0.1", line.target, limit=PIECE)
        except OSError:
            near.transport.abort()
            return
        ends = _Ends(near, far)
        line.ends.add(ends)
        try:
            await asyncio.gather(_pump(line, ends, from_near, far, False), _pump(line, ends, from_far, near, True))
        except OSError:
            ends.abort()
        finally:
            ends.abort()
            line.ends.discard(ends)

    return serve


async def _pump(
    line: _Line, ends: _Ends, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool
) -> None:
    """Forward until one end is gone."""
    while piece := await source.read(PIECE):
        if answers and ends.loses_answer:
            ends.abort()
            return
        if line.delay:
            await asyncio.sleep(line.delay)
        await line.flowing.wait()
        sink.write(piece)
        await sink.drain()
    await line.flowing.wait()
    sink.close()  # what was written before still goes out
