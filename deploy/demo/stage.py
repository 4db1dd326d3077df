"""Where the acts play: the rehearsal's desk, its people and what they often do, and what came of it outside the bus.

The page is docs/cli.md.
"""

from __future__ import annotations

import email
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from email.policy import default as mail_policy
from typing import Any, TypeVar

from contracts.common import Requester
from contracts.names import AGENT_PREFIX
from contracts.tickets import AssignedToAgent, Submit, TicketEvent, TicketOutcome, Viewed, ViewTicket
from deploy.cli.desk import Desk

from .people import Agent, Person, expect, wait_until
from .rehearsal import Rehearsal

AnyVisitor = TypeVar("AnyVisitor", bound=Person | Desk)


class Stage:
    """The desk, and who is on it: the operator, the channel `web`, and two agents, who have signed on."""

    def __init__(self, rehearsal: Rehearsal, say: Callable[[str], None], leaving: ExitStack) -> None:
        """`say` tells whoever watches what happened; whoever comes on leaves with `leaving`."""
        self.rehearsal = rehearsal
        self.say = say
        self._leaving = leaving
        url = rehearsal.desk.amqp_url
        self.operator = self._here(Desk(rehearsal.settings))
        self.web = self._here(Person(url("web")))
        self.agents = [
            self._here(Agent(url(AGENT_PREFIX + id_), id_, name)) for id_, name in (("a1", "Ada"), ("a2", "Bruno"))
        ]
        self.sign_on()

    def sign_on(self) -> None:
        """Sign all agents on."""
        for agent in self.agents:
            agent.sign_on()

    def _here(self, visitor: AnyVisitor) -> AnyVisitor:
        self._leaving.callback(visitor.close)
        return visitor

    def file(self, requester: Requester, subject: str, category: str, **more: Any) -> str:
        """File a ticket for somebody. Returns its number."""
        body = f"{subject}. It began this morning, and I have tried what the guide says."
        request = Submit(requester=requester, category=category, subject=subject, body=body, **more)
        return self.web.ask("ticket.submit", request, TicketOutcome).ticket.number

    def agent_of(self, number: str) -> Agent:
        """The agent who got the ticket, once somebody has it."""
        found: list[Agent] = []

        def given() -> bool:
            found[:] = [
                agent for agent in self.agents if agent.has_heard("ticket.assigned", AssignedToAgent, about(number))
            ]
            return bool(found)

        wait_until(given, f"nobody was given ticket {number}", self.heard_types)
        found[0].hears("ticket.assigned", AssignedToAgent, about(number))
        return found[0]

    def seen(self, requester: Requester, number: str) -> Viewed:
        """A ticket and its history, as the requester sees them."""
        return self.web.ask("ticket.view", ViewTicket(requester=requester, number=number), Viewed)

    def mail(self, to: str, number: str, word: str) -> str:
        """The text of the mail to them whose subject has the number and the word, once it is there."""
        found: list[str] = []

        def arrived() -> bool:
            found[:] = [
                mail.get_content().replace("\r\n", "\n")
                for mail in self.mails()
                if mail["To"] == to and number in mail["Subject"] and word in mail["Subject"]
            ]
            return bool(found)

        wait_until(arrived, f"no mail to {to} about {number} says “{word}”", self.subjects)
        return found[0]

    def mails(self) -> Iterator[EmailMessage]:
        """All mails that the desk sent."""
        for file in self.rehearsal.desk.mail_folder.glob("*.eml"):
            yield email.message_from_bytes(file.read_bytes(), policy=mail_policy)

    def subjects(self) -> list[str]:
        """All mails, with their addresses."""
        return [f"{mail['To']}: {mail['Subject']}" for mail in self.mails()]

    def heard_types(self) -> list[list[str]]:
        """What each agent heard and nobody asked for."""
        return [agent.heard_types for agent in self.agents]

    def hooked(self, type_: str, number: str) -> None:
        """Wait until the webhook has received this about a ticket, and see that it received nothing forged."""
        hook = self.rehearsal.hook

        def received() -> bool:
            return any((event["type"], event["subject"]) == (type_, number) for event in hook.received)

        wait_until(
            received, f"no webhook received {type_} of {number}", lambda: [each["type"] for each in hook.received]
        )
        expect(hook.forged, 0, "requests with a wrong signature")


def about(number: str) -> Callable[[TicketEvent], bool]:
    """Whether an event's ticket has this number."""
    return lambda data: data.ticket.number == number
