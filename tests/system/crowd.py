"""The people of a storm: channels that file requests by a plan, requesters who answer, agents who work.

A seed decides what they intend; the desk decides when they get to it. They judge nothing. The page is docs/testing.md.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.names import INTAKE
from services.client.blocking import Client
from services.client.core import Sending
from tests.system.client import PATIENCE, Ledger, command, publish, submission
from tests.system.evidence import Heard

CHANNELS = ("web", "game", "mail")
AGENT_HEARS = ("ticket.assigned", "ticket.customer_replied", "ticket.reopened")
MOST_REACTIONS = 2
"""How often a requester answers about one ticket."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A message that a channel will publish. `bad`: it is not an event, and belongs in `helpdesk.dead`."""

    channel: str
    id: str
    type: str
    body: bytes
    bad: bool = False


def plan(seed: int, count: int) -> list[Planned]:
    """What the channels file, in order: mostly new requests; some for an open issue, some with an id once more, some
    that are refused, some that nobody can read, some of people without an account."""
    dice = random.Random(seed)
    planned: list[Planned] = []
    for number in range(count):
        channel, id_, type_ = dice.choice(CHANNELS), f"{seed}-{number}", "ticket.submit"
        issue = dice.randrange(number) if number > 50 and dice.random() < 0.1 else number
        data = {**submission(f"account-{issue}", f"order-{issue}"), "requester": requester(f"account-{issue}")}
        roll = dice.random()
        if roll < 0.02 and planned:
            planned.append(dice.choice(planned))
            continue
        if roll < 0.03:
            planned.append(Planned(channel, id_, type_, dice.randbytes(40), bad=True))
            continue
        if roll < 0.04:
            data["category"] = "lost-umbrellas"
        elif roll < 0.05:
            type_, data = "account.open_temporary", {"display_name": f"Guest {number}"}
        elif roll < 0.10:
            del data["issue_key"]
        planned.append(Planned(channel, id_, *command(channel, type_, data, id_)))
    return planned


def requester(account: str) -> dict[str, Any]:
    """The requester of this account, the same each time; one in thirty has an address."""
    known = {"account_id": account, "display_name": account.title(), "tier": "standard"}
    if int(account.rpartition("-")[2]) % 30 == 0:
        known["email"] = f"{account}@players.example"
    return known


def agents_answer(ticket: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """What an agent does about a version of a ticket: mostly a solution; a few are left alone."""
    dice = random.Random(f"{ticket['requester']['id']}:{ticket['version']}")
    expected = {"expected_version": ticket["version"]} if dice.random() < 0.3 else {}
    roll = dice.random()
    if roll < 0.55:
        return "ticket.suggest_solution", {"body": "Please try again now.", **expected}
    if roll < 0.75:
        return "ticket.close", {"reason": "Answered in the guide.", **expected}
    if roll < 0.96:
        return "ticket.ask_info", {"body": "Which version is it?", **expected}
    return None


class Channel:
    """A channel's program, in a thread: files its part of the plan when it may, and what its requesters answer. The
    client resends what the broker has not confirmed."""

    def __init__(
        self,
        url: str,
        name: str,
        planned: Sequence[Planned],
        ledger: Ledger,
        may_send: Callable[[], int],
        seed: int,
        pace: float,
    ) -> None:
        """`may_send()`: how many of `planned` may have been sent by now; `pace`: about this many a second."""
        self.name = name
        self.sent = 0
        """How many of the plan the broker has confirmed."""
        self._url = url
        self._plan = planned
        self._ledger = ledger
        self._may_send = may_send
        self._pace = pace
        self._dice = random.Random(f"{seed}:{name}")
        self._seed = seed
        self._secrets: dict[str, str] = {}
        self._read = 0
        self._seen: set[str] = set()
        self._reactions: Counter[str] = Counter()
        self._answers: deque[tuple[str, bytes]] = deque()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"channel {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, once everything in hand has been sent."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        with Client(self._url, within=PATIENCE) as client:
            while True:
                self._read_what_came()
                most = min(self._dice.randrange(1, 250), self._may_send() - self.sent)
                burst = self._plan[self.sent : self.sent + max(most, 0)]
                if not burst and not self._answers and self._closing.is_set():
                    return
                self._send(client, burst)
                self.sent += len(burst)
                pause = len(burst) / self._pace
                self._closing.wait(max(0.05, self._dice.uniform(0.5, 1.5) * pause))

    def _send(self, client: Client, burst: Sequence[Planned]) -> None:
        """Returns when the broker has confirmed all of it."""
        bad = [
            client.publish(Sending(request.id, request.type, INTAKE, request.type, request.body))
            for request in burst
            if request.bad
        ]
        answers = [self._answers.popleft() for _ in range(len(self._answers))]
        publish(
            client, [*answers, *((request.type, request.body) for request in burst if not request.bad)], self._ledger
        )
        for confirmed in bad:
            confirmed.result()

    # its requesters

    def _read_what_came(self) -> None:
        heard = self._ledger.heard
        while self._read < len(heard):
            message = heard[self._read]
            self._read += 1
            if message.user == self.name and message.id not in self._seen:
                self._seen.add(message.id)
                self._react(message)

    def _react(self, heard: Heard) -> None:
        data = heard.event["data"]
        if heard.type == "account.temporary_opened":
            self._secrets[data["account_id"]] = data["secret"]
            who = {"temporary": {"account_id": data["account_id"], "secret": data["secret"]}}
            self._answer("ticket.submit", {**submission("guest", "password"), "requester": who})
        if heard.type != "notification.message":
            return
        about = data["number"]
        account = data["requester"]["id"]
        dice = random.Random(f"{self._seed}:{account}:{self._reactions[about]}")
        if self._reactions[about] == MOST_REACTIONS:
            return
        if data["requester"]["kind"] == "temporary":
            who = {"temporary": {"account_id": account, "secret": self._secrets[account]}}
        else:
            who = requester(account)
        likely, accepts = {"solution_suggested": (0.6, 0.5), "info_requested": (0.7, 0), "closed": (0.1, 0)}.get(
            data["kind"], (0, 0)
        )
        if dice.random() >= likely:
            return
        self._reactions[about] += 1
        if dice.random() < accepts:
            self._answer("ticket.accept_solution", {"requester": who, "number": about})
        else:
            self._answer("ticket.reply", {"requester": who, "number": about, "body": "It still does not work."})

    def _answer(self, type_: str, data: dict[str, Any]) -> None:
        self._answers.append(command(self.name, type_, data))
