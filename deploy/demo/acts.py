"""The life of a ticket, act by act: what takes days, and what takes two people, on a desk whose clock is set ahead.

Each act says what it saw, and must see what the rules say. The page is docs/cli.md.
"""

from __future__ import annotations

import email
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default as mail_policy
from hashlib import sha256
from typing import Any

from rich.console import Console

from contracts.file_forms import MAX_ATTACHMENT
from contracts.names import AGENT_PREFIX
from deploy.local.stack import Stack
from deploy.trouble import Trouble

from .checks import Check
from .people import Agent, Person, Unlike, wait_until
from .rehearsal import MANAGER, Rehearsal

PROMISE = "a ticket's life followed the rules, act by act"
LATER = timedelta(days=21)
"""Long enough for 5 business days, whatever holidays there are."""
ROBIN = {"account_id": "robin", "display_name": "Robin", "tier": "standard", "email": "robin@customers.example"}
SAM = {"account_id": "sam", "display_name": "Sam", "tier": "standard"}
LEE = {"account_id": "lee", "display_name": "Lee", "tier": "standard"}
LEES_ADDRESS = "lee@customers.example"
KIM = {"account_id": "kim", "display_name": "Kim", "tier": "vip"}

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(2_000)
LETTER = b"%PDF-1.7\n" + bytes(range(256)) * 2_400

Data = dict[str, Any]


@dataclass(frozen=True)
class Lost:
    """Two temporary accounts with one address, as commands name them, the tickets filed from each, and the first
    account's code."""

    first: Data
    second: Data
    older: str
    newer: str
    code: str


def play(stack: Stack, console: Console) -> Check:
    """Play all acts. Returns the promise, and what spoke against it."""

    def say(line: str) -> None:
        console.print(f"  {line}", markup=False, soft_wrap=True)

    try:
        with _rehearsal(stack) as rehearsal, ExitStack() as leaving:
            Acts(rehearsal, say, leaving).play()
    except (Unlike, Trouble, TimeoutError) as unlike:
        return Check(PROMISE, [str(unlike)])
    return Check(PROMISE, [])


@contextmanager
def _rehearsal(stack: Stack) -> Iterator[Rehearsal]:
    rehearsal = Rehearsal(stack)
    rehearsal.start()
    try:
        yield rehearsal
    finally:
        rehearsal.close()


class Acts:
    """The acts, in order; each leads to the next."""

    def __init__(self, rehearsal: Rehearsal, say: Callable[[str], None], leaving: ExitStack) -> None:
        self._rehearsal = rehearsal
        self._say = say
        self._leaving = leaving
        self._come()

    def play(self) -> None:
        """Play all of them. Raises Unlike when one does not follow the rules."""
        number = self._file(ROBIN, "A charge that I do not know", "billing")
        agent = self._agent_of(number)
        self._asks_permission(number, agent)
        agent = self._changes_agent(number, agent)
        self._sends_files(number, agent)
        self._escalates_too_soon(number)
        self._is_closed_and_reopened(number, agent)
        lost = self._has_lost_an_account()
        waiting = self._file(SAM, "The sound is gone", "technical")
        self._is_given_on(waiting, self._agent_of(waiting))
        silent = self._file(KIM, "How do I change my name?", "general")
        self._agent_of(silent).ask(
            "ticket.suggest_solution", "command.accepted", number=silent, body="In the settings."
        )
        self._days_go_by()
        self._was_closed_by_itself(silent)
        self._comes_back_too_late(number)
        self._is_escalated(waiting)
        self._asks_for_the_code(lost)

    def _come(self) -> None:
        url = self._rehearsal.desk.amqp_url
        self._web = self._here(Person(url("web")))
        self._agents = [
            self._here(Agent(url(AGENT_PREFIX + id_), id_, name)) for id_, name in (("a1", "Ada"), ("a2", "Bruno"))
        ]
        for agent in self._agents:
            agent.sign_on()

    def _here(self, person: Any) -> Any:
        self._leaving.callback(person.close)
        return person

    # the acts

    def _file(self, requester: Data, subject: str, category: str) -> str:
        body = f"{subject}. It began this morning, and I have tried what the guide says."
        filed = self._web.ask(
            "ticket.submit", "ticket.opened", requester=requester, category=category, subject=subject, body=body
        )
        return str(filed["ticket"]["number"])

    def _agent_of(self, number: str) -> Agent:
        """The agent who got the ticket, once somebody has it."""
        found: list[Agent] = []

        def given() -> bool:
            found[:] = [agent for agent in self._agents if agent.has_heard("ticket.assigned", about(number))]
            return bool(found)

        wait_until(given, f"nobody was given ticket {number}", self._heard_types)
        found[0].hears("ticket.assigned", about(number))
        return found[0]

    def _asks_permission(self, number: str, agent: Agent) -> None:
        agent.ask("ticket.ask_consent", "command.accepted", number=number, reason="To see the charge as you see it.")
        shown = self._web.hears("notification.message", lambda data: data["kind"] == "consent_requested")
        self._web.ask("ticket.answer_consent", "command.accepted", requester=ROBIN, number=number, granted=True)
        told = agent.hears("ticket.consent_answered", about(number))
        expect(told["ticket"]["consent"], "granted", "the permission")
        self._say(
            f"{agent.name} asks to log in to Robin's account (“{shown['title']}”), Robin allows it, {agent.name} hears"
        )

    def _changes_agent(self, number: str, agent: Agent) -> Agent:
        self._web.ask(
            "ticket.change_agent",
            "command.accepted",
            requester=ROBIN,
            number=number,
            reason="We do not understand each other.",
        )
        told = agent.hears("ticket.unassigned", about(number))
        expect(told["ticket"].get("consent"), None, "the permission of an agent who has the ticket no longer")
        other = self._agent_of(number)
        if other is agent:
            raise Unlike(f"ticket {number} came back to {agent.id}, from whom it was taken")
        self._say(
            f"Robin asks for another agent: {agent.name} loses ticket {number} and the permission, {other.name} has it"
        )
        return other

    def _sends_files(self, number: str, agent: Agent) -> None:
        """A picture in the reply itself, and a letter that is too large for it."""
        picture = {"name": "bill.png", "media_type": "image/png", "content": b64encode(PICTURE).decode()}
        parts = [LETTER[at : at + MAX_ATTACHMENT] for at in range(0, len(LETTER), MAX_ATTACHMENT)]
        letter = {"upload": "letter", "name": "letter.pdf", "media_type": "application/pdf", "parts": len(parts)}
        stored: Data = {}
        for place, part in enumerate(parts, 1):
            answer = "attachment.stored" if place == len(parts) else "command.accepted"
            content = b64encode(part).decode()
            stored = self._web.ask("attachment.upload", answer, requester=ROBIN, part=place, content=content, **letter)
        files = [picture, stored["attachment"]]
        body = "Here is the bill, and the letter."
        self._web.ask("ticket.reply", "command.accepted", requester=ROBIN, number=number, body=body, attachments=files)
        told = agent.hears("ticket.customer_replied", about(number))["entry"]["attachments"]
        for sent, file in zip((PICTURE, LETTER), told, strict=True):
            got = b"".join(_parts(agent, number, file["ref"]))
            expect(sha256(got).hexdigest(), sha256(sent).hexdigest(), f"what {agent.name} gets of {file['name']}")
        self._web.ask(
            "attachment.download", "command.rejected forbidden", requester=SAM, number=number, ref=told[0]["ref"]
        )
        size = f"{len(LETTER) / 1024:.0f} KiB in {len(parts)} parts"
        self._say(
            f"Robin sends a picture, and a letter of {size}: {agent.name} gets both, byte for byte; Sam gets none"
        )

    def _escalates_too_soon(self, number: str) -> None:
        refused = self._web.ask("ticket.escalate", "command.rejected too_early", requester=ROBIN, number=number)
        self._say(f"Robin escalates, too early: “{refused['message']}” It is possible from {refused['eligible_at']} on")

    def _is_closed_and_reopened(self, number: str, agent: Agent) -> None:
        agent.ask(
            "ticket.suggest_solution", "command.accepted", number=number, body="It is the yearly fee. See the letter."
        )
        self._web.ask("ticket.accept_solution", "command.accepted", requester=ROBIN, number=number)
        self._mail(ROBIN["email"], number, "closed")
        self._hook("ticket.closed", number)
        self._say(
            f"{agent.name} suggests a solution, Robin accepts: mailed, and received by a webhook, signature verified"
        )
        reopened = self._web.ask(
            "ticket.reply",
            "ticket.reopened",
            requester=ROBIN,
            number=number,
            body="No, the letter is about another fee.",
        )
        expect(reopened["ticket"]["agent"]["id"], agent.id, "the agent of the reopened ticket")
        agent.hears("ticket.reopened", about(number))
        agent.ask("ticket.close", "command.accepted", number=number, reason="Paid back.")
        self._say(f"Robin replies within 7 days: reopened, and with {agent.name} again, who pays back and closes")

    def _is_given_on(self, number: str, agent: Agent) -> None:
        supervisor = self._agents[0]
        (other,) = (candidate for candidate in self._agents if candidate is not agent)
        supervisor.ask("ticket.assign_to", "command.accepted", number=number, to_agent=other.id, reason="Knows sound.")
        agent.hears("ticket.unassigned", about(number))
        other.hears("ticket.assigned", about(number))
        self._say(f"{supervisor.name}, a supervisor, gives Sam's ticket {number} of {agent.name} to {other.name}")

    def _has_lost_an_account(self) -> Lost:
        """Two accounts for a person without one: for now, only one code is mailed to their address."""
        first, opened = self._temporary_account("Lee")
        expect("code_at" in opened, False, "that a code was mailed")
        code = self._mailed_code(besides=set())
        second, opened = self._temporary_account("Lee, from another computer")
        expect("code_at" in opened, True, "that no second code was mailed at once")
        self._web.ask("account.confirm_contact", "command.rejected rate_limited", requester=second)
        older, newer = (
            self._file(account, "I cannot get in any more", "account-access") for account in (first, second)
        )
        self._web.ask("account.confirm_contact", "command.accepted", requester=first, code=code)
        self._say(
            "Lee, who has lost an account, files from two temporary ones, and confirms the address of the first by the "
            f"mailed code; the second gets none yet, so there are two tickets, {older} and {newer}"
        )
        return Lost(first, second, older, newer, code)

    def _asks_for_the_code(self, lost: Lost) -> None:
        """The other account confirms the address too; then Lee has a real account again."""
        self._web.ask("account.confirm_contact", "command.accepted", requester=lost.second)
        code = self._mailed_code(besides={lost.code})
        self._web.ask("account.confirm_contact", "command.accepted", requester=lost.second, code=code)
        seen = self._web.ask("ticket.view", "ticket.viewed", requester=lost.second, number=lost.newer)["ticket"]
        expect(seen["merged_into"], lost.older, "the ticket into which the newer one was merged")
        self._web.ask("account.merge", "command.accepted", requester=LEE, temporary=lost.first["temporary"])
        self._web.ask("ticket.view", "ticket.viewed", requester=LEE, number=lost.older)
        self._web.ask("ticket.view", "command.rejected unauthenticated", requester=lost.first, number=lost.older)
        self._say(
            "Lee asks for the code of the second account and confirms it: both are one person with one ticket, "
            f"{lost.older}; it comes along into Lee's own account"
        )

    def _temporary_account(self, name: str) -> tuple[Data, Data]:
        """A temporary account with Lee's address, as a command names it, and the answer."""
        opened = self._web.ask(
            "account.open_temporary", "account.temporary_opened", display_name=name, contact_email=LEES_ADDRESS
        )
        return {"temporary": {"account_id": opened["account_id"], "secret": opened["secret"]}}, opened

    def _mailed_code(self, besides: set[str]) -> str:
        """The code that was mailed to Lee besides these, once it is there."""
        wait_until(lambda: bool(set(self._codes()) - besides), "no code was mailed", self._subjects)
        (code,) = set(self._codes()) - besides
        return code

    def _codes(self) -> list[str]:
        """Those that were mailed to Lee, each on a line of its own."""
        texts = [mail.get_content() for mail in self._mails() if mail["To"] == LEES_ADDRESS]
        return [line for text in texts for line in text.splitlines() if len(line) == 8 and line.isdigit()]

    def _days_go_by(self) -> None:
        self._rehearsal.set_ahead(LATER)
        for agent in self._agents:
            agent.sign_on()
        self._say(f"the services' clocks are set {LATER.days} days ahead")

    def _was_closed_by_itself(self, number: str) -> None:
        def state() -> tuple[str, str | None]:
            seen = self._web.ask("ticket.view", "ticket.viewed", requester=KIM, number=number)["ticket"]
            return seen["status"], seen["close_reason"]

        closed = ("closed", "no_reply")
        wait_until(lambda: state() == closed, f"ticket {number} did not close after 7 days without a reply", state)
        self._say(f"Kim did not answer the suggestion for 7 days: ticket {number} closed automatically")

    def _comes_back_too_late(self, number: str) -> None:
        refused = self._web.ask(
            "ticket.reply", "command.rejected closed_too_long", requester=ROBIN, number=number, body="It is back."
        )
        self._say(f"Robin replies to ticket {number} once more, after more than 7 days: “{refused['message']}”")
        body = "The same fee was taken once more, in the same month."
        filed = self._web.ask(
            "ticket.submit",
            "ticket.opened",
            requester=ROBIN,
            category="billing",
            subject="A charge that I do not know",
            body=body,
            refers_to=number,
        )["ticket"]
        linked = self._web.ask("ticket.view", "ticket.viewed", requester=ROBIN, number=filed["number"])
        expect(number in str(linked["history"]), True, "that the new ticket names the old one")
        self._say(f"a new submission that names it becomes ticket {filed['number']}, linked to it")

    def _is_escalated(self, number: str) -> None:
        self._web.ask(
            "ticket.escalate", "command.accepted", moderator={"id": "mod-1"}, number=number, reason="A week of silence."
        )

        def knows(agent: Agent) -> bool:
            return any(agent.has_heard(type_, escalated(number)) for type_ in ("ticket.escalated", "ticket.assigned"))

        wait_until(lambda: any(map(knows, self._agents)), "no agent heard of the escalation", self._heard_types)
        self._mail(MANAGER, number, "escalated")
        self._say(f"a moderator has Sam's unanswered ticket {number} escalated: agent and community manager are told")

    # what came of it elsewhere

    def _mail(self, to: str, number: str, word: str) -> None:
        def arrived() -> bool:
            return any(
                mail["To"] == to and number in mail["Subject"] and word in mail["Subject"] for mail in self._mails()
            )

        wait_until(arrived, f"no mail to {to} says that {number} is {word}", self._subjects)

    def _mails(self) -> Iterator[EmailMessage]:
        for file in self._rehearsal.desk.mail_folder.glob("*.eml"):
            yield email.message_from_bytes(file.read_bytes(), policy=mail_policy)

    def _heard_types(self) -> list[list[str]]:
        return [agent.heard_types for agent in self._agents]

    def _subjects(self) -> list[str]:
        """All mails, with their addresses."""
        return [f"{mail['To']}: {mail['Subject']}" for mail in self._mails()]

    def _hook(self, type_: str, number: str) -> None:
        hook = self._rehearsal.hook

        def received() -> bool:
            return any((event["type"], event["subject"]) == (type_, number) for event in hook.received)

        wait_until(
            received, f"no webhook received {type_} of {number}", lambda: [each["type"] for each in hook.received]
        )
        expect(hook.forged, 0, "requests with a wrong signature")


def _parts(agent: Agent, number: str, ref: str) -> Iterator[bytes]:
    """The content of a file of a ticket, as the agent gets it."""
    part, parts = 1, 1
    while part <= parts:
        came = agent.ask("attachment.download", "attachment.content", number=number, ref=ref, part=part)
        yield b64decode(came["content"])
        part, parts = part + 1, came["parts"]


def about(number: str) -> Callable[[Data], bool]:
    """Whether an event's ticket has this number."""
    return lambda data: bool(data["ticket"]["number"] == number)


def escalated(number: str) -> Callable[[Data], bool]:
    """Whether an event shows this ticket as escalated."""
    return lambda data: bool(data["ticket"]["number"] == number and data["ticket"]["escalated"])


def expect(found: object, wanted: object, what: str) -> None:
    """Raise `Unlike` unless they are equal."""
    if found != wanted:
        raise Unlike(f"{what} is {found!r} instead of {wanted!r}")
