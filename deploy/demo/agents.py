"""The demo's dozen agents: each signs on, takes what is assigned to it and answers after a while.

To the desk each is a program of its own: one thread, one connection as its broker user, consuming `agent.<id>.inbox`.
Their words are canned; the point is that they say them through the contract. The page is docs/cli.md.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from contracts.agents import SignOff, SignOn
from contracts.catalogue import Catalogue
from contracts.tickets import AgentReason, AgentText, AgentTicket, SuggestSolution, TicketEvent
from deploy.trouble import Trouble
from services.client.blocking import Client
from services.client.core import Heard, Outcome
from services.client.link import INBOX

from .run import Later, Run
from .speaker import Speaker

NAMES = ["Ada", "Bruno", "Celia", "Dario", "Esme", "Farid", "Greta", "Henri", "Ines", "Jonas", "Kaya", "Lino"]
REST = 10.0
"""Seconds to wait for the outcomes of what they said last."""

ANSWER = "Thank you for writing. We have looked into it and put it right on our side; please try again and tell us."
SECOND_ANSWER = "Thank you, that helped. We have corrected it by hand now; it will stay that way."
QUESTION = "Could you tell us when you saw this last, and with which version of the program?"
NO_CASE = "Answered in the guide for newcomers; nothing is left to do."


class Agent:
    """One agent. `received`: when (time.monotonic) it first got each ticket, by number."""

    def __init__(self, run: Run, url: str, agent_id: str, name: str, skills: tuple[str, ...]) -> None:
        self.id = agent_id
        self.received: dict[str, float] = {}
        self.did: Counter[str] = Counter()
        self.signed_on: datetime | None = None
        """When it signed on, by the desk's clock."""
        self.sender: Speaker | None = None
        self._run = run
        self._url = url
        self.name = name
        self._skills = skills
        self.most_unanswered = 0
        """The most tickets that it had at a time and had not answered yet."""
        self._unanswered: set[str] = set()
        self._later = Later()

    @property
    def to_do(self) -> int:
        """Tickets that it will do something about."""
        return len(self._later)

    def work(self) -> None:
        """Sign on, answer until the run is over, sign off. The body of a thread."""
        with Client(self._url, hears=INBOX) as client:
            self.sender = sender = Speaker(client)
            # Whatever an earlier run left in its hands is routed again: no agent of this run remembers it.
            sender.ask("agent.sign_off", SignOff(agent_id=self.id, release=True), subject=self.id)
            answer = client.sign_on(
                SignOn(agent_id=self.id, display_name=self.name, skills=self._skills, capacity=self._run.capacity)
            )
            if answer.rejected is not None:
                raise Trouble(f"Agent {self.id} could not sign on: {answer.rejected.message}")
            self.signed_on = answer.event.time
            while not self._run.over.is_set():
                self._hear_next(0.05)
                self._later.do_what_is_due()
            client.sign_off(release=True)
            end = time.monotonic() + REST
            while sender.waiting and time.monotonic() < end:
                self._hear_next(0.2)

    def _hear_next(self, timeout: float) -> None:
        assert self.sender
        heard = self.sender.hear(timeout)
        if heard is not None and not isinstance(heard, Outcome):
            self._hear(heard)

    def _hear(self, heard: Heard) -> None:
        event = heard.event
        if self.signed_on is None or event.time < self.signed_on:
            return  # What an earlier run left unread is about tickets that belong to somebody else now.
        data = heard.data
        if not isinstance(data, TicketEvent):
            return
        number = data.ticket.number
        if event.type == "ticket.assigned":
            self.received.setdefault(number, time.monotonic())
            self._unanswered.add(number)
            self.most_unanswered = max(self.most_unanswered, len(self._unanswered))
            self._plan(number, *self._first_step(number))
        elif event.type in ("ticket.customer_replied", "ticket.reopened"):
            self._plan(number, 1, partial(self._solve, number, SECOND_ANSWER))
        elif event.type in ("ticket.closed", "ticket.unassigned"):
            self._unanswered.discard(number)
            self._later.forget(number)

    def _first_step(self, number: str) -> tuple[float, Callable[[], None]]:
        """What to do first about a ticket, and after how many seconds: most tickets are answered at once."""
        choice = int(number) % 10
        if choice == 0:
            asking = AgentText(agent_id=self.id, number=number, body=QUESTION)
            return 1, partial(self._do, "ticket.ask_info", asking)
        if choice == 1:
            return 2, partial(self._do, "ticket.close", AgentReason(agent_id=self.id, number=number, reason=NO_CASE))
        return 1 + choice / 5, partial(self._solve, number, ANSWER)

    def _plan(self, number: str, seconds: float, action: Callable[[], None]) -> None:
        self._later.after(seconds * self._run.pace, number, action)

    def _solve(self, number: str, words: str) -> None:
        self._do("ticket.suggest_solution", SuggestSolution(agent_id=self.id, number=number, body=words))

    def _do(self, command: str, data: AgentTicket) -> None:
        assert self.sender
        self.sender.say(command, data, subject=data.number)
        self._unanswered.discard(data.number)
        self.did[command] += 1


def dozen(run: Run, catalogue: Catalogue, url_of: Callable[[str], str]) -> Iterator[Agent]:
    """The twelve agents a1 to a12: every third takes everything, the others have half of the catalogue's skills."""
    skills = sorted({category.skill for category in catalogue.categories.values()})
    for place, name in enumerate(NAMES):
        some = tuple(skills[(place + step) % len(skills)] for step in range((len(skills) + 1) // 2))
        user = f"agent.a{place + 1}"
        yield Agent(run, url_of(user), f"a{place + 1}", name, ("*",) if place % 3 == 0 else some)
