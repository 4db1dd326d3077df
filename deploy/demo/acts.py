"""The life of a ticket, act by act: what takes days, and what takes two people, on a desk whose clock is set ahead.

Each act says what it saw, and must see what the rules say. The page is docs/cli.md.
"""

from __future__ import annotations

import email
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default as mail_policy
from hashlib import sha256
from typing import Any, TypeVar

from rich.console import Console

from contracts.accounts import ConfirmContact, MergeAccounts, OpenTemporary, TemporaryOpenedOutcome
from contracts.articles import ArticleHelped, ArticleOpened
from contracts.attachments import Content, Download, Stored, Upload
from contracts.common import AccountRequester, Requester, Secret, TemporaryRequester
from contracts.envelope import rfc3339
from contracts.file_forms import MAX_ATTACHMENT, AttachmentContent, AttachmentNamed
from contracts.names import AGENT_PREFIX
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
    Viewed,
    ViewTicket,
)
from deploy.cli.articles.folder import Article
from deploy.cli.articles.reading import days_ago, deflected
from deploy.cli.desk import Desk, database_now
from deploy.local.stack import Stack
from deploy.trouble import Trouble
from services.client.errors import ClientError

from .articles import publish
from .checks import Check
from .form import Offer, typing
from .people import Agent, Person, Unlike, wait_until
from .rehearsal import ARTICLE_URL, MANAGER, Rehearsal

PROMISE = "a ticket's life followed the rules, act by act"
LATER = timedelta(days=21)
"""Long enough for 5 business days, whatever holidays there are."""
ROBINS_ADDRESS = "robin@customers.example"
ROBIN = AccountRequester(account_id="robin", display_name="Robin", tier="standard", email=ROBINS_ADDRESS)
SAM = AccountRequester(account_id="sam", display_name="Sam", tier="standard")
LEE = AccountRequester(account_id="lee", display_name="Lee", tier="standard")
LEES_ADDRESS = "lee@customers.example"
KIMS_ADDRESS = "kim@customers.example"
KIM = AccountRequester(account_id="kim", display_name="Kim", tier="vip", email=KIMS_ADDRESS)

ORDERS, REFUNDS = "missing-credits", "refunds-and-chargebacks"
"""Articles, with texts in English and German."""
NO_ARTICLE = "credits-for-free"

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(2_000)
LETTER = b"%PDF-1.7\n" + bytes(range(256)) * 2_400

AnyVisitor = TypeVar("AnyVisitor", bound=Person | Desk)


@dataclass(frozen=True)
class Lost:
    """Two temporary accounts with one address, as commands name them, the tickets filed from each, and the first
    account's code."""

    first: TemporaryRequester
    second: TemporaryRequester
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

    def __init__(self, rehearsal: Rehearsal, say: Callable[[str], None], leaving: ExitStack) -> None:
        self._rehearsal = rehearsal
        self._say = say
        self._leaving = leaving
        self._come()

    def play(self) -> None:
        """Play all of them. Raises Unlike when one does not follow the rules."""
        self._articles = self._published()
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
        self._reads_and_files_nothing()
        silent = self._reads_and_files_all_the_same()
        self._suggests_articles(silent, self._agent_of(silent))
        self._days_go_by()
        self._was_closed_by_itself(silent)
        self._has_counted_what_was_not_filed()
        self._comes_back_too_late(number)
        self._is_escalated(waiting)
        self._asks_for_the_code(lost)

    def _come(self) -> None:
        url = self._rehearsal.desk.amqp_url
        self._operator = self._here(Desk(self._rehearsal.settings))
        self._web = self._here(Person(url("web")))
        self._agents = [
            self._here(Agent(url(AGENT_PREFIX + id_), id_, name)) for id_, name in (("a1", "Ada"), ("a2", "Bruno"))
        ]
        for agent in self._agents:
            agent.sign_on()

    def _here(self, visitor: AnyVisitor) -> AnyVisitor:
        self._leaving.callback(visitor.close)
        return visitor

    # the acts

    def _file(self, requester: Requester, subject: str, category: str, **more: Any) -> str:
        body = f"{subject}. It began this morning, and I have tried what the guide says."
        request = Submit(requester=requester, category=category, subject=subject, body=body, **more)
        return self._web.ask("ticket.submit", request, TicketOutcome).ticket.number

    def _agent_of(self, number: str) -> Agent:
        """The agent who got the ticket, once somebody has it."""
        found: list[Agent] = []

        def given() -> bool:
            found[:] = [
                agent for agent in self._agents if agent.has_heard("ticket.assigned", AssignedToAgent, about(number))
            ]
            return bool(found)

        wait_until(given, f"nobody was given ticket {number}", self._heard_types)
        found[0].hears("ticket.assigned", AssignedToAgent, about(number))
        return found[0]

    def _suggests(self, agent: Agent, number: str, words: str) -> None:
        agent.say("ticket.suggest_solution", SuggestSolution(agent_id=agent.id, number=number, body=words))

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
        other = self._agent_of(number)
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
        self._suggests(agent, number, "It is the yearly fee. See the letter.")
        self._web.say("ticket.accept_solution", RequesterTicket(requester=ROBIN, number=number))
        self._mail(ROBINS_ADDRESS, number, "closed")
        self._hook("ticket.closed", number)
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

    def _has_lost_an_account(self) -> Lost:
        """Two accounts for a person without one: for now, only one code is mailed to their address."""
        first, opened = self._temporary_account("Lee")
        expect(opened.code_at, None, "when a code may be asked for, where one was mailed,")
        code = self._mailed_code(besides=set())
        second, opened = self._temporary_account("Lee, from another computer")
        expect(opened.code_at is not None, True, "that no second code was mailed at once")
        self._web.refused("account.confirm_contact", ConfirmContact(requester=second), "rate_limited")
        older, newer = (
            self._file(account, "I cannot get in any more", "account-access") for account in (first, second)
        )
        self._web.say("account.confirm_contact", ConfirmContact(requester=first, code=code))
        self._say(
            "Lee, who has lost an account, files from two temporary ones, and confirms the address of the first by the "
            f"mailed code; the second gets none yet, so there are two tickets, {older} and {newer}"
        )
        return Lost(first, second, older, newer, code)

    def _asks_for_the_code(self, lost: Lost) -> None:
        """The other account confirms the address too; then Lee has a real account again."""
        self._web.say("account.confirm_contact", ConfirmContact(requester=lost.second))
        code = self._mailed_code(besides={lost.code})
        self._web.say("account.confirm_contact", ConfirmContact(requester=lost.second, code=code))
        seen = self._seen(lost.second, lost.newer).ticket
        expect(seen.merged_into, lost.older, "the ticket into which the newer one was merged")
        self._web.say("account.merge", MergeAccounts(requester=LEE, temporary=lost.first.temporary))
        self._seen(LEE, lost.older)
        self._web.refused("ticket.view", ViewTicket(requester=lost.first, number=lost.older), "unauthenticated")
        self._say(
            "Lee asks for the code of the second account and confirms it: both are one person with one ticket, "
            f"{lost.older}; it comes along into Lee's own account"
        )

    def _seen(self, requester: Requester, number: str) -> Viewed:
        return self._web.ask("ticket.view", ViewTicket(requester=requester, number=number), Viewed)

    def _temporary_account(self, name: str) -> tuple[TemporaryRequester, TemporaryOpenedOutcome]:
        """A temporary account with Lee's address, as a command names it, and the answer."""
        opening = OpenTemporary(display_name=name, contact_email=LEES_ADDRESS)
        opened = self._web.ask("account.open_temporary", opening, TemporaryOpenedOutcome)
        return TemporaryRequester(temporary=Secret(account_id=opened.account_id, secret=opened.secret)), opened

    def _mailed_code(self, besides: set[str]) -> str:
        """The code that was mailed to Lee besides these, once it is there."""
        wait_until(lambda: bool(set(self._codes()) - besides), "no code was mailed", self._subjects)
        (code,) = set(self._codes()) - besides
        return code

    def _codes(self) -> list[str]:
        """Those that were mailed to Lee, each on a line of its own."""
        texts = [mail.get_content() for mail in self._mails() if mail["To"] == LEES_ADDRESS]
        return [line for text in texts for line in text.splitlines() if len(line) == 8 and line.isdigit()]

    def _published(self) -> dict[str, Article]:
        """Some of the shipped articles, by id."""
        published = publish(self._rehearsal.settings, self._operator, {ORDERS, REFUNDS})
        expect(published.refused, [], "what the desk refused of the articles")
        return {article.id: article for article in published.articles}

    def _reads_and_files_nothing(self) -> None:
        offer = self._reads("mia", "my order has not arrived", "en")
        self._web.say("article.helped", ArticleHelped(article_id=ORDERS, session="mia", draft="mia", helped=True))
        self._say(f"Mia types “{offer.typed}”, the form offers “{offer.title}”; that helps, and Mia files nothing")

    def _reads_and_files_all_the_same(self) -> str:
        words = "Meine Credits sind nicht da"
        offer = self._reads("kim", words, "de")
        lacks = "Was tue ich, wenn die Bestellung nicht in der Liste steht?"
        vote = ArticleHelped(article_id=ORDERS, session="kim", draft="kim", helped=False, words=lacks)
        self._web.say("article.helped", vote)
        number = self._file(KIM, words, "billing", language="de", draft="kim")
        self._say(f"Kim types “{offer.typed}” and reads “{offer.title}”, but files ticket {number} all the same")
        return number

    def _reads(self, draft: str, words: str, language: str) -> Offer:
        """Somebody reads the article about orders from the suggestions of a form."""
        offer = typing(words, ORDERS, lambda typed: self._web.suggested(typed, language))
        expect(bool(offer.title), True, f"that “{offer.typed}” is offered {ORDERS}")
        self._web.say("article.opened", ArticleOpened(article_id=ORDERS, session=draft, draft=draft))
        return offer

    def _suggests_articles(self, number: str, agent: Agent) -> None:
        """One that is published, and one that does not exist: the history keeps both, and the mail names the first."""
        articles = [REFUNDS, NO_ARTICLE]
        words = "The payment was never finished. You may also take your money back."
        agent.say(
            "ticket.suggest_solution",
            SuggestSolution(agent_id=agent.id, number=number, body=words, articles=articles),
        )
        told = self._seen(KIM, number).history[-1]
        expect((told.kind, list(told.articles)), ("solution_suggested", articles), "what the history ends with")
        mail = self._mail(KIMS_ADDRESS, number, "Antwort")
        title = self._articles[REFUNDS].texts["de"].title
        named = f"- {title}\n  {ARTICLE_URL.format(id=REFUNDS, language='de')}\n"
        expect(named in mail, True, f"that the mail about {number} has “{title}” and its address, as in “{mail}”,")
        expect(NO_ARTICLE in mail, False, f"that the mail about {number} names {NO_ARTICLE}")
        self._say(
            f"{agent.name} suggests a solution with an article and an id that no article has: Kim, who writes German, "
            f"is mailed a link to “{title}” alone, and the history has both"
        )

    def _has_counted_what_was_not_filed(self) -> None:
        knowledge, now = self._operator.knowledge, database_now(self._operator.client)

        def counted() -> tuple[int, int]:
            """How many drafts wait to be counted, and how many cases were not filed."""
            waiting = knowledge.timers.count_documents({"kind": "deflected"})
            return waiting, deflected(knowledge, days_ago(now, 1))

        wait_until(lambda: counted() == (0, 1), "of two drafts, not Mia's alone was counted as not filed", counted)
        self._say("Mia's case counts as not filed, because an article answered; Kim's does not")

    def _days_go_by(self) -> None:
        self._rehearsal.set_ahead(LATER)
        for agent in self._agents:
            agent.sign_on()
        self._say(f"the services' clocks are set {LATER.days} days ahead")

    def _was_closed_by_itself(self, number: str) -> None:
        def state() -> tuple[str, str | None]:
            seen = self._seen(KIM, number).ticket
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
        opening = self._seen(ROBIN, filed).history[0]
        expect(opening.refers_to, number, "the old ticket that the new one names")
        self._say(f"a new submission that names it becomes ticket {filed}, linked to it")

    def _is_escalated(self, number: str) -> None:
        escalating = Escalate(moderator=Moderator(id="mod-1"), number=number, reason="A week of silence.")
        self._web.say("ticket.escalate", escalating)

        def knows(agent: Agent) -> bool:
            types = ("ticket.escalated", "ticket.assigned")
            return any(agent.has_heard(type_, TicketEvent, escalated(number)) for type_ in types)

        wait_until(lambda: any(map(knows, self._agents)), "no agent heard of the escalation", self._heard_types)
        self._mail(MANAGER, number, "escalated")
        self._say(f"a moderator has Sam's unanswered ticket {number} escalated: agent and community manager are told")

    # what came of it elsewhere

    def _mail(self, to: str, number: str, word: str) -> str:
        """The text of the mail to them whose subject has the number and the word, once it is there."""
        found: list[str] = []

        def arrived() -> bool:
            found[:] = [
                mail.get_content().replace("\r\n", "\n")
                for mail in self._mails()
                if mail["To"] == to and number in mail["Subject"] and word in mail["Subject"]
            ]
            return bool(found)

        wait_until(arrived, f"no mail to {to} about {number} says “{word}”", self._subjects)
        return found[0]

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


def about(number: str) -> Callable[[TicketEvent], bool]:
    """Whether an event's ticket has this number."""
    return lambda data: data.ticket.number == number


def escalated(number: str) -> Callable[[TicketEvent], bool]:
    """Whether an event shows this ticket as escalated."""
    return lambda data: data.ticket.number == number and data.ticket.escalated


def expect(found: object, wanted: object, what: str) -> None:
    """Raise `Unlike` unless they are equal."""
    if found != wanted:
        raise Unlike(f"{what} is {found!r} instead of {wanted!r}")
