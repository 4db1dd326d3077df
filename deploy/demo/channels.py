"""The demo's three channels and the customers behind them.

A channel feeds its share of the requests, some of them twice. When the desk answers, its customers behave as customers
do: they tell similar issues apart, answer questions, accept solutions, say that an issue is not solved, or say nothing.
The page is docs/cli.md.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from contracts.common import AccountRequester, Requester
from contracts.notifications import Message
from contracts.payload import read
from contracts.tickets import Reply, RequesterTicket, Similar, Submit, TicketOutcome
from deploy.cli.feed.feeding import why_refused
from deploy.cli.feed.rows import Row
from services.client.blocking import Client
from services.client.core import Heard, Outcome
from services.client.link import COPY

from .run import Later, Run
from .speaker import Speaker

MOST_UNANSWERED = 200
"""With this many commands without an outcome, a channel stops sending: a queue of thousands of submissions would hold
up what agents and customers do to open tickets."""

NAMES = ("web", "game", "mail")

DETAILS = {
    "en": "I saw it this morning last, with version 7.1.4.",
    "de": "Zuletzt heute Morgen, mit Version 7.1.4.",
    "fr": "Ce matin encore, avec la version 7.1.4.",
    "es": "Esta mañana por última vez, con la versión 7.1.4.",
    "pt": "Hoje de manhã, com a versão 7.1.4.",
    "it": "Stamattina, con la versione 7.1.4.",
    "nl": "Vanochtend nog, met versie 7.1.4.",
    "pl": "Dziś rano, w wersji 7.1.4.",
    "ja": "今朝です。バージョンは7.1.4です。",
}
TWICE_IN = 11
NOT_YET = "Thank you, but it has just happened again."


@dataclass(frozen=True, slots=True)
class Submission:
    """A `ticket.submit` to send: the same `id` twice is a resent command, the same data with a new id a duplicate.
    `row`: its place in the file that is fed, if it comes from one."""

    id: str
    data: Mapping[str, Any]
    row: Row | None = None


def plan(run: Run, requests: Iterable[Mapping[str, Any]]) -> dict[str, list[Submission]]:
    """What each channel sends, in order. Of TWICE_IN requests, one is filed twice, and one is sent again with its
    id."""
    shares: dict[str, list[Submission]] = {name: [] for name in NAMES}
    for row, request in enumerate(requests):
        channel = request.get("channel")
        data = {name: value for name, value in request.items() if name not in ("channel", "row")}
        data["requester"] = run.requester(data["requester"])
        submission = Submission(uuid.uuid4().hex, data, request.get("row"))
        share = shares[channel if channel in shares else NAMES[row % len(NAMES)]]
        share.append(submission)
        if row % TWICE_IN == 4:  # pressed the button twice: a new command for the same issue
            share.append(replace(submission, id=uuid.uuid4().hex))
        elif row % TWICE_IN == 8:  # the network failed before the answer came: the same command again, twice
            share += [submission, submission]
    return shares


class Channel:
    """One channel: a thread, a connection as its broker user, and its customers."""

    def __init__(self, run: Run, url: str, name: str, share: list[Submission]) -> None:
        self.name = name
        self.resent = 0
        self.messages: Counter[str] = Counter()
        """What was shown to customers, by kind."""
        self.sender: Speaker | None = None
        self._run = run
        self._url = url
        self._share = deque(share)
        self._later = Later()
        self.refused: dict[int, tuple[Row, str]] = {}
        """What the desk has refused of the file, and why, by line."""
        self._submitted: dict[str, Submission] = {}
        self._replied: set[str] = set()
        self._language: dict[str, str | None] = {}

    @property
    def to_do(self) -> int:
        """What is not sent yet, and what customers will do."""
        return len(self._share) + len(self._later)

    def work(self) -> None:
        """Feed, and let customers react until the run is over. The body of a thread."""
        with Client(self._url, hears=COPY) as client:
            self.sender = sender = Speaker(client)
            start, sent = time.monotonic(), 0
            while not self._run.over.is_set():
                due = sent + MOST_UNANSWERED - sender.waiting
                if self._run.rate is not None:
                    due = min(due, int((time.monotonic() - start) * self._run.rate) + 1)
                while self._share and sent < due:
                    self._submit(self._share.popleft())
                    sent += 1
                if (heard := sender.hear(0.05)) is not None:
                    self._hear(heard)
                self._later.do_what_is_due()

    def _submit(self, submission: Submission) -> None:
        assert self.sender
        self.resent += submission.id in self._submitted
        self._submitted[submission.id] = submission
        self.sender.say("ticket.submit", submission.data, id_=submission.id)

    def _hear(self, heard: Heard) -> None:
        if isinstance(heard, Outcome):
            self._answered(heard)
        else:
            self._told(heard)

    def _answered(self, outcome: Outcome) -> None:
        """A customer is asked whether it is the same issue: one in two says no and files it, the other adds to it."""
        event, data = outcome.event, outcome.data
        if isinstance(data, TicketOutcome):
            self._language[data.ticket.number] = data.ticket.language
        submission = self._submitted.get(event.causationid or "")
        if submission is None:
            return
        if outcome.rejected is not None and submission.row is not None:
            self.refused[submission.row.line] = (submission.row, why_refused(event))
        if not isinstance(data, Similar):
            return
        numbers = [candidate.number for candidate in data.candidates]
        if int(numbers[0]) % 2:
            again = {**submission.data, "distinct_from": numbers}
            action = partial(self._submit, replace(submission, id=uuid.uuid4().hex, data=again))
        else:
            same = read(Submit, submission.data).data
            action = partial(self._reply, same.requester, numbers[0], same.body)
        self._plan(submission.id, action)

    def _told(self, heard: Heard) -> None:
        """A message for a customer of this run: answer the desk's question, or say what became of its solution."""
        data = heard.data
        if not isinstance(data, Message) or not self._run.owns(data.requester.id):
            return
        kind, number, person = data.kind, data.number, data.requester
        self.messages[kind] += 1
        requester = AccountRequester(account_id=person.id, display_name=person.display_name, tier=person.tier)
        mood = int(number) // 10 % 10
        if kind == "info_requested":
            details = DETAILS.get(self._language.get(number) or "en", DETAILS["en"])
            self._plan(number, partial(self._reply, requester, number, details))
        elif kind == "solution_suggested" and (mood < 6 or number in self._replied):
            accepting = RequesterTicket(requester=requester, number=number)
            self._plan(number, partial(self._tell, "ticket.accept_solution", accepting))
        elif kind == "solution_suggested" and mood == 6:
            self._replied.add(number)
            self._plan(number, partial(self._reply, requester, number, NOT_YET))

    def _plan(self, about: str, action: Callable[[], None]) -> None:
        self._later.after(self._run.pace, about, action)

    def _reply(self, requester: Requester, number: str, words: str) -> None:
        self._tell("ticket.reply", Reply(requester=requester, number=number, body=words))

    def _tell(self, command: str, data: RequesterTicket) -> None:
        assert self.sender
        self.sender.say(command, data, subject=data.number)
