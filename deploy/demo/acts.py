"""The life of a ticket, act by act: what takes days, and what takes two people, on a desk whose clock is set ahead.

Each act says what it saw, and must see what the rules say. Those about articles are in article_acts.py, and those about
an account that somebody has lost in lost_account.py. The page is docs/cli.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from hashlib import sha256

from rich.console import Console

from contracts.attachments import Content, Download, Stored, Upload
from contracts.common import AccountRequester
from contracts.envelope import rfc3339
from contracts.file_forms import MAX_ATTACHMENT, AttachmentContent, AttachmentNamed
from contracts.notifications import Message
from contracts.tickets import (
    AgentReason,
    AnswerConsent,
    AssignedToAgent,
    AssignTo,
    ChangeAgent,
    Escalate,
    LostAgent,
    Moderator,
    Reply,
    RequesterTicket,
    Submit,
    SuggestSolution,
    TicketEvent,
    TicketOutcome,
)
from deploy.local.stack import Stack
from deploy.trouble import Trouble
from services.client.errors import ClientError

from .article_acts import KIM, ArticleActs
from .checks import Check
from .lost_account import LostAccount
from .people import Agent, Unlike, expect, wait_until
from .rehearsal import MANAGER, Rehearsal
from .stage import Stage, about

PROMISE = "a ticket's life followed the rules, act by act"
LATER = timedelta(days=21)
"""Long enough for 5 business days, whatever holidays there are."""
ROBINS_ADDRESS = "robin@customers.example"
ROBIN = AccountRequester(account_id="robin", display_name="Robin", tier="standard", email=ROBINS_ADDRESS)
SAM = AccountRequester(account_id="sam", display_name="Sam", tier="standard")

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(2_000)
LETTER = b"%PDF-1.7\n" + bytes(range(256)) * 2_400


def play(stack: Stack, console: Console) -> Check:
    """Play all acts. Returns the promise, and what spoke against it."""

    def say(line: str) -> None:
        console.print(f"  {line}", markup=False, soft_wrap=True)

    try:
        with _rehearsal(stack) as rehearsal, ExitStack() as leaving:
            Acts(Stage(rehearsal, say, leaving)).play()
    except (Unlike, Trouble, ClientError, TimeoutError) as unlike:
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

    def __init__(self, stage: Stage) -> None:
        self._stage, self._web, self._agents, self._say = stage, stage.web, stage.agents, stage.say

    def play(self) -> None:
        """Play all of them. Raises Unlike when one does not follow the rules."""
        articles, lost_account = ArticleActs(self._stage), LostAccount(self._stage)
        number = self._stage.file(ROBIN, "A charge that I do not know", "billing")
        agent = self._stage.agent_of(number)
        self._asks_permission(number, agent)
        agent = self._changes_agent(number, agent)
        self._sends_files(number, agent)
        self._escalates_too_soon(number)
        self._is_closed_and_reopened(number, agent)
        accounts = lost_account.is_lost()
        waiting = self._stage.file(SAM, "The sound is gone", "technical")
        self._is_given_on(waiting, self._stage.agent_of(waiting))
        articles.reads_and_files_nothing()
        silent = articles.reads_and_files_all_the_same()
        articles.are_suggested(silent, self._stage.agent_of(silent))
        self._days_go_by()
        self._was_closed_by_itself(silent)
        articles.were_counted()
        self._comes_back_too_late(number)
        self._is_escalated(waiting)
        lost_account.asks_for_the_code(accounts)

    def _asks_permission(self, number: str, agent: Agent) -> None:
        asking = AgentReason(agent_id=agent.id, number=number, reason="To see the charge as you see it.")
        agent.say("ticket.ask_consent", asking)
        shown = self._web.hears("notification.message", Message, lambda data: data.kind == "consent_requested")
        self._web.say("ticket.answer_consent", AnswerConsent(requester=ROBIN, number=number, granted=True))
        told = agent.hears("ticket.consent_answered", TicketEvent, about(number))
        expect(told.ticket.consent, "granted", "the permission")
        self._say(
            f"{agent.name} asks to log in to Robin's account (“{shown.title}”), Robin allows it, {agent.name} hears"
        )

    def _changes_agent(self, number: str, agent: Agent) -> Agent:
        change = ChangeAgent(requester=ROBIN, number=number, reason="We do not understand each other.")
        self._web.say("ticket.change_agent", change)
        told = agent.hears("ticket.unassigned", LostAgent, about(number))
        expect(told.ticket.consent, None, "the permission of an agent who has the ticket no longer")
        other = self._stage.agent_of(number)
        if other is agent:
            raise Unlike(f"ticket {number} came back to {agent.id}, from whom it was taken")
        self._say(
            f"Robin asks for another agent: {agent.name} loses ticket {number} and the permission, {other.name} has it"
        )
        return other

    def _sends_files(self, number: str, agent: Agent) -> None:
        """A picture in the reply itself, and a letter that is too large for it."""
        picture = AttachmentContent(name="bill.png", media_type="image/png", content=PICTURE)
        *parts, last = [LETTER[at : at + MAX_ATTACHMENT] for at in range(0, len(LETTER), MAX_ATTACHMENT)]
        of = len(parts) + 1
        for place, part in enumerate(parts, 1):
            self._web.say("attachment.upload", _part_of_letter(part, place, of))
        letter = self._web.ask("attachment.upload", _part_of_letter(last, of, of), Stored).attachment
        named = AttachmentNamed(
            name=letter.name, media_type=letter.media_type, ref=letter.ref, sha256=letter.sha256, size=letter.size
        )
        body = "Here is the bill, and the letter."
        self._web.say("ticket.reply", Reply(requester=ROBIN, number=number, body=body, attachments=[picture, named]))
        entry = agent.hears("ticket.customer_replied", TicketEvent, about(number)).entry
        told = entry.attachments if entry is not None else ()
        expect([file.name for file in told], [picture.name, named.name], f"what {agent.name} hears of files")
        for sent, file in zip((PICTURE, LETTER), told, strict=True):
            got = b"".join(_parts(agent, number, file.ref))
            expect(sha256(got).hexdigest(), sha256(sent).hexdigest(), f"what {agent.name} gets of {file.name}")
        of_another = Download(requester=SAM, number=number, ref=told[0].ref)
        self._web.refused("attachment.download", of_another, "forbidden")
        size = f"{len(LETTER) / 1024:.0f} KiB in {of} parts"
        self._say(
            f"Robin sends a picture, and a letter of {size}: {agent.name} gets both, byte for byte; Sam gets none"
        )

    def _escalates_too_soon(self, number: str) -> None:
        refused = self._web.refused("ticket.escalate", Escalate(requester=ROBIN, number=number), "too_early")
        possible = rfc3339(refused.eligible_at) if refused.eligible_at is not None else "no time"
        self._say(f"Robin escalates, too early: “{refused.message}” It is possible from {possible} on")

    def _is_closed_and_reopened(self, number: str, agent: Agent) -> None:
        words = "It is the yearly fee. See the letter."
        agent.say("ticket.suggest_solution", SuggestSolution(agent_id=agent.id, number=number, body=words))
        self._web.say("ticket.accept_solution", RequesterTicket(requester=ROBIN, number=number))
        self._stage.mail(ROBINS_ADDRESS, number, "closed")
        self._stage.hooked("ticket.closed", number)
        self._say(
            f"{agent.name} suggests a solution, Robin accepts: mailed, and received by a webhook, signature verified"
        )
        reply = Reply(requester=ROBIN, number=number, body="No, the letter is about another fee.")
        reopened = self._web.ask("ticket.reply", reply, TicketOutcome).ticket
        expect(reopened.agent and reopened.agent.id, agent.id, "the agent of the reopened ticket")
        agent.hears("ticket.reopened", TicketEvent, about(number))
        agent.say("ticket.close", AgentReason(agent_id=agent.id, number=number, reason="Paid back."))
        self._say(f"Robin replies within 7 days: reopened, and with {agent.name} again, who pays back and closes")

    def _is_given_on(self, number: str, agent: Agent) -> None:
        supervisor = self._agents[0]
        (other,) = (candidate for candidate in self._agents if candidate is not agent)
        giving = AssignTo(agent_id=supervisor.id, number=number, to_agent=other.id, reason="Knows sound.")
        supervisor.say("ticket.assign_to", giving)
        agent.hears("ticket.unassigned", LostAgent, about(number))
        other.hears("ticket.assigned", AssignedToAgent, about(number))
        self._say(f"{supervisor.name}, a supervisor, gives Sam's ticket {number} of {agent.name} to {other.name}")

    def _days_go_by(self) -> None:
        self._stage.rehearsal.set_ahead(LATER)
        self._stage.sign_on()
        self._say(f"the services' clocks are set {LATER.days} days ahead")

    def _was_closed_by_itself(self, number: str) -> None:
        def state() -> tuple[str, str | None]:
            seen = self._stage.seen(KIM, number).ticket
            return seen.status, seen.close_reason

        closed = ("closed", "no_reply")
        wait_until(lambda: state() == closed, f"ticket {number} did not close after 7 days without a reply", state)
        self._say(f"Kim did not answer the suggestion for 7 days: ticket {number} closed automatically")

    def _comes_back_too_late(self, number: str) -> None:
        reply = Reply(requester=ROBIN, number=number, body="It is back.")
        refused = self._web.refused("ticket.reply", reply, "closed_too_long")
        self._say(f"Robin replies to ticket {number} once more, after more than 7 days: “{refused.message}”")
        request = Submit(
            requester=ROBIN,
            category="billing",
            subject="A charge that I do not know",
            body="The same fee was taken once more, in the same month.",
            refers_to=number,
        )
        filed = self._web.ask("ticket.submit", request, TicketOutcome).ticket.number
        opening = self._stage.seen(ROBIN, filed).history[0]
        expect(opening.refers_to, number, "the old ticket that the new one names")
        self._say(f"a new submission that names it becomes ticket {filed}, linked to it")

    def _is_escalated(self, number: str) -> None:
        escalating = Escalate(moderator=Moderator(id="mod-1"), number=number, reason="A week of silence.")
        self._web.say("ticket.escalate", escalating)

        def knows(agent: Agent) -> bool:
            types = ("ticket.escalated", "ticket.assigned")
            return any(agent.has_heard(type_, TicketEvent, escalated(number)) for type_ in types)

        wait_until(lambda: any(map(knows, self._agents)), "no agent heard of the escalation", self._stage.heard_types)
        self._stage.mail(MANAGER, number, "escalated")
        self._say(f"a moderator has Sam's unanswered ticket {number} escalated: agent and community manager are told")


def _part_of_letter(content: bytes, part: int, parts: int) -> Upload:
    return Upload(
        requester=ROBIN,
        upload="letter",
        name="letter.pdf",
        media_type="application/pdf",
        part=part,
        parts=parts,
        content=content,
    )


def _parts(agent: Agent, number: str, ref: str) -> Iterator[bytes]:
    """The content of a file of a ticket, as the agent gets it."""
    part, parts = 1, 1
    while part <= parts:
        asking = Download(agent_id=agent.id, number=number, ref=ref, part=part)
        came = agent.ask("attachment.download", asking, Content)
        yield came.content
        part, parts = part + 1, came.parts


def escalated(number: str) -> Callable[[TicketEvent], bool]:
    """Whether an event shows this ticket as escalated."""
    return lambda data: data.ticket.number == number and data.ticket.escalated
