"""The demo's play: its people come on, act at once in threads of their own, and leave when everything is finished.

It reports each step; others judge what came of it. The page is docs/cli.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from rich.console import Console

from contracts.catalogue import Catalogue
from contracts.common import AccountRequester
from contracts.tickets import Submit
from deploy.settings import Settings
from deploy.trouble import Trouble

from .agents import dozen
from .articles import Published
from .bad_input import BadInput
from .channels import NAMES, Channel, plan
from .dead import DeadLetters
from .facts import Reader
from .heard import Heard
from .live import Live
from .run import Run
from .seekers import Seeking, Sought, seek
from .visitor import Visit, visit
from .waiting import waited

PATIENCE = 60.0
"""Seconds without progress after which the play ends, whatever is unfinished."""

LOOK_EVERY = 1.0
"""Seconds between two looks into the databases."""


class Play:
    """One run's people. After `perform`: what they heard, and what was unfinished when they had to leave."""

    def __init__(
        self,
        run: Run,
        known: Settings,
        catalogue: Catalogue,
        published: Published,
        reader: Reader,
        console: Console,
    ) -> None:
        self.reader = reader
        self.dead = DeadLetters(run, known.broker_url("operator"))
        self.agents = list(dozen(run, catalogue, known.broker_url))
        self.channels: list[Channel] = []
        self.unfinished: list[str] = []
        self._run = run
        self._known = known
        self._catalogue = catalogue
        self._category = next(iter(catalogue.categories))
        self._published = published
        self._console = console
        self._acting: list[Future[None]] = []

    @property
    def heard(self) -> Heard:
        """Everything that anybody heard."""
        people = [channel.sender for channel in self.channels] + [agent.sender for agent in self.agents]
        seekers = [sought.sender for sought in self.seeking.sought]
        others = [self.bad_input.sender, self._visit.sender, *seekers]
        return Heard(
            [person for person in people if person],
            [other for other in others if other],
            self.agents,
            self._run.capacity,
        )

    def perform(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """Play it all with these requests. Raises whatever went wrong with anybody."""
        shares = plan(self._run, requests)
        with ThreadPoolExecutor(max_workers=32) as threads:
            try:
                self._act(threads, self.dead.work)
                self._until(self.dead.listening.is_set, "the reader of dead letters does not listen")
                self._sign_on(threads)
                self.seeking = self._seekers()
                self._visit = self._visitor()
                self._feed(threads, shares, len(requests))
                with Live(self._console, self.channels, self.agents) as live:
                    self._watch(live)
            finally:
                self._run.over.set()
        self._raise_trouble()

    def _sign_on(self, threads: ThreadPoolExecutor) -> None:
        for agent in self.agents:
            self._act(threads, agent.work)
        self._until(lambda: all(agent.signed_on for agent in self.agents), "not all agents have signed on")
        self._say(f"{len(self.agents)} agents have signed on, each with room for {self._run.capacity} tickets")

    def _visitor(self) -> Visit:
        found = visit(self._known.broker_url(NAMES[0]), self._category)
        self.reader.visitor = found.account_id
        self._say(
            f"a visitor got a temporary account, filed ticket {found.number}, added to it "
            f"and saw the {found.entries_seen} entries of its history"
        )
        return found

    def _seekers(self) -> Seeking:
        self._say("the web's form offers articles with each letter that somebody types:")
        found = seek(self._run, self._known.broker_url(NAMES[0]), self._published, self._catalogue)
        self.reader.sought = found.sought
        for sought in found.sought:
            self._console.print(f"    {_became(sought)}", markup=False, soft_wrap=True)
        return found

    def _feed(self, threads: ThreadPoolExecutor, shares: Mapping[str, list[Any]], requests: int) -> None:
        self.channels = [
            Channel(self._run, self._known.broker_url(name), name, share) for name, share in shares.items()
        ]
        sending = sum(len(share) for share in shares.values())
        self._say(
            f"{len(shares)} channels feed {requests:,} requests, some twice and some resent ({sending:,} messages), "
            "and bad input of every kind in between\n"
        )
        mallory = AccountRequester(
            account_id=self._run.account("mallory"), display_name="Mallory Gray", tier="standard"
        )
        good = Submit(
            requester=mallory,
            category=self._category,
            subject="Something to do wrong things to",
            body="This ticket is here so that somebody else can try to write to it.",
        )
        web = self._known.broker_url(NAMES[0])
        self.bad_input = BadInput(web, self.dead, good, mallory, self._visit.requester)
        for work in (*(channel.work for channel in self.channels), self.bad_input.work):
            self._act(threads, work)

    def _watch(self, live: Live) -> None:
        """Show progress until nothing is under way twice in a row, or nothing has moved for too long."""
        rests, before, moved_at, looked_at = 0, None, time.monotonic(), 0.0
        while rests < 2:
            self._raise_trouble()
            if time.monotonic() - looked_at < LOOK_EVERY:
                time.sleep(0.05)
                continue
            looked_at = time.monotonic()
            statuses, told = self.reader.by_status(), self.reader.notifications()
            self.unfinished = self._acting_still() or self.reader.unfinished()
            live.show(statuses, ", ".join(self.unfinished) or "all done")
            now = (statuses, told, self.unfinished)
            rests = rests + 1 if not self.unfinished and now == before else 0
            if now != before:
                before, moved_at = now, time.monotonic()
            elif self.unfinished and time.monotonic() - moved_at > PATIENCE:
                return

    def _acting_still(self) -> list[str]:
        """What the people still wait for or have to do, in words."""
        senders = self.heard.senders
        waiting = sum(sender.waiting for sender in senders)
        to_do = sum(channel.to_do for channel in self.channels) + sum(agent.to_do for agent in self.agents)
        going = not self._acting[-1].done()
        found = ((waiting, "commands without outcome"), (to_do, "things to do"), (going, "sender of bad input at work"))
        return [f"{count:,} {what}" for count, what in found if count]

    def _say(self, line: str) -> None:
        self._console.print(f"  {line}", soft_wrap=True)

    def _act(self, threads: ThreadPoolExecutor, work: Callable[[], None]) -> None:
        self._acting.append(threads.submit(work))

    def _until(self, happened: Callable[[], bool], otherwise: str) -> None:
        def look() -> bool:
            self._raise_trouble()
            return happened()

        if not waited(look, PATIENCE):
            there = sum(agent.signed_on is not None for agent in self.agents)
            raise Trouble(
                f"The desk does not answer its agents: after {PATIENCE:.0f} s {otherwise} ({there} of "
                f"{len(self.agents)} agents are there)."
            )

    def _raise_trouble(self) -> None:
        for acting in self._acting:
            if acting.done():
                acting.result()


def _became(sought: Sought) -> str:
    """What became of somebody's question, in a line."""
    seeker, offer = sought.seeker, sought.offer
    if not sought.read:
        return f"{seeker.name} types “{offer.typed}” and is not offered {seeker.article}"
    line = f"{seeker.name} types “{offer.typed}” and reads “{offer.title}”"
    return f"{line}: that helps" if sought.helped else f"{line}, and files ticket {sought.number} all the same"
