"""Feeds requests to the desk as a channel would, and shows the outcomes.

It publishes `ticket.submit` for each request while it collects the outcomes, at full speed or at a given rate. Requests
that were not filed go to a file (refusals.py). The page is docs/cli.md.
"""

from __future__ import annotations

import math
import queue
import time
from array import array
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from contracts.envelope import Event
from services.client import core
from services.client.blocking import Client
from services.client.core import Outcome
from services.client.errors import NotTaken, Unroutable

from ..percentile import percentile
from ..show import plain
from .refusals import SHOWN, Refusals
from .requests import Refused, Request, RequestFile, next_attempt

PATIENCE = 30.0
"""After this many seconds without an outcome, the remaining outcomes count as missing."""
AT_ONCE = 50
"""How many messages to publish between two looks at what has arrived."""
MOST_UNANSWERED = 5_000
"""How many requests may wait for their outcomes: enough for the desk's largest turns, and few enough for memory."""
BEFORE = timedelta(seconds=5)
"""An outcome that is this much older than its command belongs to an earlier run, however the two clocks differ."""


@dataclass(slots=True)
class Waiting:
    """A request that was sent and has no outcome yet."""

    request: Request
    at: float
    time: datetime


class Feeding:
    """One file on its way. It counts each outcome and forgets it, so that no number of rows fills the memory."""

    def __init__(self, desk: Client, file: RequestFile, refusals: Refusals) -> None:
        self.sent = 0
        self.answered = 0
        self.fed_before = 0
        """Requests that the desk had already answered in an earlier run."""
        self.without_files = 0
        """Requests that were filed without some of their files."""
        self.taken = array("d")
        """Seconds from publishing to the first outcome, for each request that was answered in this run."""
        self.last_answer = 0.0
        self.gave_up = ""
        """Why the rest was not sent, if so."""
        self.outcomes: Counter[str] = Counter()
        """Requests by their outcome."""
        self._desk = desk
        self._done: queue.SimpleQueue[tuple[str, Future[Outcome]]] = queue.SimpleQueue()
        """Ids and outcomes, in order of arrival."""
        self._file = file
        self._refusals = refusals
        self._waiting: dict[str, Waiting] = {}
        self._lost = 0

    def feed(self, rate: float | None, progress: Callable[[], None]) -> None:
        """Submit the requests (`rate` a second, if given) and wait for their outcomes, calling `progress` often."""
        start = time.monotonic()
        for row in self._file:
            if isinstance(row, Refused):
                self._refusals.add(row.row, row.reason, row.attempt)
                continue
            self._submit(row)
            if rate:
                while (ahead := start + self.sent / rate - time.monotonic()) > 0:
                    self._drain(min(ahead, 0.2), progress)
            elif self.sent % AT_ONCE == 0:
                self._drain(0, progress)
            if not self._wait_until(MOST_UNANSWERED, progress):
                self.gave_up = f"The desk has answered nothing for {PATIENCE:.0f} s"
                break
        self._wait_until(1, progress)
        progress()

    def give_up(self) -> None:
        """Write the requests without an outcome to the file of refusals."""
        for waiting in self._waiting.values():
            self._refusals.add(
                waiting.request.row, "no outcome: it may be filed already, or later", waiting.request.attempt
            )
        self._lost += len(self._waiting)
        self._waiting.clear()

    @property
    def lost(self) -> int:
        """How many requests got no outcome."""
        return self._lost

    def _submit(self, request: Request) -> None:
        self.sent += 1
        self._waiting[request.id] = Waiting(request, time.monotonic(), datetime.now(UTC))
        sending = core.command(self._desk.user, "ticket.submit", request.data, id_=request.id)
        future = self._desk.send(sending, within=math.inf)
        future.add_done_callback(lambda done: self._done.put((request.id, done)))

    def _wait_until(self, fewer: int, progress: Callable[[], None]) -> bool:
        """Wait until fewer than `fewer` requests wait for their outcomes. False if nothing comes for `PATIENCE`."""
        left, quiet_since = len(self._waiting), time.monotonic()
        while len(self._waiting) >= fewer:
            self._drain(0.2, progress)
            if len(self._waiting) != left or self._desk.blocked:
                left, quiet_since = len(self._waiting), time.monotonic()
            elif time.monotonic() - quiet_since > PATIENCE:
                return False
        return True

    def _drain(self, timeout: float, progress: Callable[[], None]) -> None:
        """Take in all messages that have arrived; wait up to `timeout` seconds for the first."""
        try:
            while True:
                id_, done = self._done.get(timeout=timeout)
                timeout = 0
                try:
                    self._answered(id_, done.result().event)
                except Unroutable:
                    why = "no queue of the broker takes it: is the topology applied? (`casebus topology apply`)"
                    self._refuse(id_, why)
                except NotTaken as error:
                    self._refuse(id_, f"the broker did not accept it: {error.why}")
        except queue.Empty:
            pass  # no more messages
        progress()

    def _refuse(self, id_: str, reason: str) -> None:
        waiting = self._waiting.pop(id_, None)
        if waiting is not None:
            self._refusals.add(waiting.request.row, reason, waiting.request.attempt)

    def _answered(self, id_: str, event: Event) -> None:
        waiting = self._waiting.pop(id_, None)
        if waiting is None:
            return
        self.answered += 1
        self.outcomes[label_of(event)] += 1
        self.last_answer = time.monotonic()
        if event.time < waiting.time - BEFORE:
            self.fed_before += 1
        else:
            self.taken.append(self.last_answer - waiting.at)
        self.without_files += bool(event.data.get("left_out"))
        reason = why_refused(event)
        if reason:
            # The desk gives each id one answer, so a row needs another id to be decided again.
            self._refusals.add(waiting.request.row, reason, next_attempt(waiting.request.attempt))


def label_of(outcome: Event) -> str:
    """The label of an outcome: its type, with the code if it is a rejection."""
    code = outcome.data.get("code")
    return f"{outcome.type} ({code})" if code else outcome.type


def why_refused(outcome: Event) -> str:
    """A sentence about an outcome by which nothing was filed; None for any other."""
    data = outcome.data
    if outcome.type == "ticket.similar":
        numbers = ", ".join(candidate["number"] for candidate in data["candidates"])
        return f"similar to {numbers}: put these numbers into distinct_from, or leave the row out"
    if outcome.type != "command.rejected":
        return ""
    faults = "; ".join(f"{name}: {' '.join(words)}" for name, words in (data.get("errors") or {}).items())
    until = f" (from {data['retry_at']} on)" if data.get("retry_at") else ""
    return f"{data['code']}: {data['message']}{f' {faults}' if faults else ''}{until}"


def feed_with_bar(console: Console, desk: Client, file: RequestFile, refusals: Refusals, rate: float | None) -> bool:
    """Feed under a progress bar (plain where there is no terminal), print the result; True if all was filed.

    Whatever ends it, it prints the outcomes so far, and writes down the requests without one.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    feeding, start = Feeding(desk, file, refusals), time.monotonic()
    try:
        with Progress(*columns, console=console) as bar:
            sent = bar.add_task("sent    ", total=file.count)
            answered = bar.add_task("answered", total=file.count)

            def progress() -> None:
                blocked = " [yellow](the broker takes no messages because of a disk or memory alarm)[/]"
                bar.update(sent, completed=feeding.sent, description=f"sent    {blocked if desk.blocked else ''}")
                bar.update(answered, completed=feeding.answered)

            feeding.feed(rate, progress)
    except KeyboardInterrupt:
        feeding.gave_up = "Interrupted"
        raise
    except Exception:
        feeding.gave_up = "An error ended the run"
        raise
    finally:
        feeding.give_up()
        refusals.close()
        report(console, desk.user, feeding, file, refusals, start)
    return not refusals.count and not feeding.gave_up


def report(
    console: Console, channel: str, feeding: Feeding, file: RequestFile, refusals: Refusals, start: float
) -> None:
    """Print outcomes by type, rate and latency, what was refused and where it is, what was not sent."""
    table = Table("outcome", "commands", box=None, title=f"Outcomes for {channel}", title_justify="left")
    table.columns[1].justify = "right"
    for label, count in feeding.outcomes.most_common():
        table.add_row(label, f"{count:,}")
    console.print(table)
    if feeding.fed_before:
        console.print(f"{feeding.fed_before:,} of them had been fed before and were not filed again.")
    if feeding.without_files:
        console.print(
            f"{feeding.without_files:,} of them were filed without some of their files; the histories name them."
        )
    if feeding.taken:
        taken, seconds = sorted(feeding.taken), max(0.001, feeding.last_answer - start)
        console.print(
            f"{len(taken):,} answered in {seconds:.1f} s ({len(taken) / seconds:,.0f}/s); publish to outcome: "
            f"median {percentile(taken, 0.5) * 1000:,.0f} ms, p99 {percentile(taken, 0.99) * 1000:,.0f} ms"
        )
    if feeding.lost:
        console.print(f"[red]{feeding.lost:,} got no outcome.[/] Feed the file again: nothing is filed twice.")
    tell_refusals(console, refusals)
    left = file.count - feeding.sent
    if feeding.gave_up and left:
        sent = f"{left:,} {'was' if left == 1 else 'were'} not sent"
        console.print(f"[red]{feeding.gave_up}: {sent}.[/] Feed the file again: nothing is filed twice.")


def tell_refusals(console: Console, refusals: Refusals) -> None:
    """Print how many rows were refused, the first of them with their lines, and where all of them are."""
    if not refusals.count:
        return
    console.print(f"[red]{refusals.count:,} {'row was' if refusals.count == 1 else 'rows were'} refused:[/]")
    for line, reason in refusals.first:
        console.print(f"  line {line}: {plain(reason)}", markup=False, soft_wrap=True)
    if refusals.count > SHOWN:
        console.print(f"  … and {refusals.count - SHOWN:,} more")
    console.print(f"They are in {refusals.path}. Correct them and feed that file.", markup=False, soft_wrap=True)
