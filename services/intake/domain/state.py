"""The view of a turn: what was read for its messages, then what they changed.

It finds tickets by number and by open issue, and takes changes in. It decides nothing. The values are in values/. The
page is docs/intake.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from contracts.catalogue import Catalogue
from contracts.snapshot import TicketAgent
from contracts.staff import Staff
from services.intake.domain.issues.key import as_made_now
from services.intake.domain.issues.similarity import SIMILAR_FROM
from services.intake.domain.values.account import TEMPORARY_LASTS, Account, AccountWritten, Ending, mailbox
from services.intake.domain.values.agent import KnownAgent
from services.intake.domain.values.article import KnownArticle
from services.intake.domain.values.burst import Burst
from services.intake.domain.values.erasure import AnswerRewritten, EntryErased, Erasure, Portion, UploadForgotten
from services.intake.domain.values.escalatable import Escalatable
from services.intake.domain.values.file import File
from services.intake.domain.values.history import Entry
from services.intake.domain.values.limits import USUAL, Limits
from services.intake.domain.values.mailed_code import CodeMailed, mailed_id
from services.intake.domain.values.pages import AgentPageAsked, Page, PageAsked
from services.intake.domain.values.prepared import Prepared
from services.intake.domain.values.rotation import Rotation
from services.intake.domain.values.ticket import Ticket, TicketWritten
from services.intake.domain.values.together import ALONE, Together

K = TypeVar("K")


Known = (
    Ticket | Entry | Account | KnownAgent | Escalatable | KnownArticle | File | CodeMailed | Burst | Erasure | Rotation
)
"""What is read and may be changed."""

Change = (
    TicketWritten
    | EntryErased
    | AccountWritten
    | KnownAgent
    | Escalatable
    | KnownArticle
    | File
    | CodeMailed
    | Burst
    | Erasure
    | AnswerRewritten
    | UploadForgotten
    | Rotation
)
"""What a decision may change."""


class View:
    """The view of a turn: what was read for its messages (needs.py), then what they changed.

    `tickets`, `accounts` and the like are as they stand now, by id, key or reference; `loaded_…` as they were read.
    `prepared`: what was found out before the turn. `numbers`: unused ticket numbers. `similar_from`: the score from
    which a submission is answered with a prompt. `temporary_lasts`: how long after its opening, or after its last
    ticket was closed, a temporary account ends. `staff`: who works at the desk; None where the operator has no staff
    file. `limits`: how much a requester may write. `master_key`: the id of the key that wraps the keys of new files.
    `asked`: the needs that were read. `erasing`: what was read for erasures, by their ids. `persons`: all accounts of
    the same person, by the account that a command names. For entries that are to be redacted: `named_elsewhere`, those
    of their files that other entries name too; by the ticket's id, `told_of`, documents of answers that show it, and
    `archived`, references of archives that may hold it.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        prepared: Prepared | None = None,
        numbers: deque[str],
        similar_from: float = SIMILAR_FROM,
        temporary_lasts: timedelta = TEMPORARY_LASTS,
        staff: Staff | None = None,
        limits: Limits = USUAL,
        master_key: str = "",
        together: Together = ALONE,
        agents: Iterable[KnownAgent] = (),
    ) -> None:
        self.catalogue = catalogue
        self.staff = staff
        self.prepared = prepared or Prepared()
        self.similar_from = similar_from
        self.temporary_lasts = temporary_lasts
        self.limits = limits
        self.master_key = master_key
        self.together = together
        self.asked: set[object] = set()
        self.pages: dict[PageAsked | AgentPageAsked, Page] = {}
        self.endings: dict[str, Ending] = {}
        self.erasures: dict[str, Erasure] = {}
        self.erasing: dict[str, Portion] = {}
        self.persons: dict[str, Sequence[str]] = {}
        self.named_elsewhere: frozenset[str] = frozenset()
        self.told_of: dict[str, Sequence[Mapping[str, Any]]] = {}
        self.archived: dict[str, Sequence[str]] = {}
        self.rotations: dict[str, Rotation] = {}
        self.tickets: dict[str, Ticket] = {}
        self.accounts: dict[str, Account] = {}
        self.agents: dict[str, KnownAgent] = {}
        self.escalatable: dict[str, Escalatable] = {}
        self.articles: dict[str, KnownArticle] = {}
        self.files: dict[str, File] = {}
        self.mailed: dict[str, CodeMailed] = {}
        self.bursts: dict[str, Burst] = {}
        self.loaded_tickets: dict[str, Ticket] = {}
        self.loaded_accounts: dict[str, Account] = {}
        self.loaded_agents: dict[str, KnownAgent] = {}
        self.loaded_escalatable: dict[str, Escalatable] = {}
        self.loaded_articles: dict[str, KnownArticle] = {}
        self.loaded_files: dict[str, File] = {}
        self.loaded_mailed: dict[str, CodeMailed] = {}
        self.loaded_bursts: dict[str, Burst] = {}
        self.loaded_erasures: dict[str, Erasure] = {}
        self.loaded_rotations: dict[str, Rotation] = {}
        self.written_entries: dict[str, Entry] = {}
        self.erased_entries: dict[str, Entry] = {}
        self.rewritten_answers: list[AnswerRewritten] = []
        self.forgotten_uploads: list[UploadForgotten] = []
        self._numbers = numbers
        self._entries: dict[str, dict[int, Entry]] = {}
        self._by_number: dict[str, str] = {}
        self._open: dict[str, dict[str, str]] = {}
        self._theirs: dict[str, dict[str, None]] = {}
        self.know(*agents)

    def know(self, *read: Known) -> None:
        """Take in what was read. What is known already stays as it was read first."""
        for value in read:
            match value:
                case Ticket():
                    if value.id not in self.tickets:
                        self._put(value)
                        self.loaded_tickets[value.id] = value
                case Entry():
                    self._entries.setdefault(value.ticket_id, {}).setdefault(value.version, value)
                case Account():
                    _know(self.accounts, self.loaded_accounts, value.key, value)
                case KnownAgent():
                    _know(self.agents, self.loaded_agents, value.id, value)
                case Escalatable():
                    _know(self.escalatable, self.loaded_escalatable, value.ticket_id, value)
                case KnownArticle():
                    _know(self.articles, self.loaded_articles, value.id, value)
                case File():
                    _know(self.files, self.loaded_files, value.ref, value)
                case CodeMailed():
                    _know(self.mailed, self.loaded_mailed, value.id, value)
                case Burst():
                    _know(self.bursts, self.loaded_bursts, value.id, value)
                case Erasure():
                    _know(self.erasures, self.loaded_erasures, value.id, value)
                case Rotation():
                    _know(self.rotations, self.loaded_rotations, value.id, value)

    def apply(self, change: Change) -> None:
        """Take a change in, so that later messages of the turn see it."""
        match change:
            case TicketWritten():  # first, because it is by far the most frequent
                self._take_version(change)
            case AccountWritten():
                self.accounts[change.account.key] = change.account
            case KnownAgent():
                self.agents[change.id] = change
            case Escalatable():
                self.escalatable[change.ticket_id] = change
            case KnownArticle():
                self.articles[change.id] = change
            case File():
                self.files[change.ref] = change
            case CodeMailed():
                self.mailed[change.id] = change
            case Burst():
                self.bursts[change.id] = change
            case Erasure():
                self.erasures[change.id] = change
            case Rotation():
                self.rotations[change.id] = change
            case AnswerRewritten():
                self.rewritten_answers.append(change)
            case UploadForgotten():
                self.forgotten_uploads.append(change)
            case EntryErased():
                self._entries.setdefault(change.entry.ticket_id, {})[change.entry.version] = change.entry
                # One that this very turn writes is stored once, as it is left.
                is_new = change.entry.id in self.written_entries
                (self.written_entries if is_new else self.erased_entries)[change.entry.id] = change.entry

    def _take_version(self, change: TicketWritten) -> None:
        if change.ticket.version == 1:
            self._numbers.popleft()
        self._put(change.ticket)
        self._entries.setdefault(change.ticket.id, {})[change.entry.version] = change.entry
        self.written_entries[change.entry.id] = change.entry

    def next_number(self) -> str:
        """The number of the next ticket that is opened."""
        return self._numbers[0]

    def ticket(self, number: str) -> Ticket | None:
        """The ticket of that number."""
        id_ = self._by_number.get(number)
        return None if id_ is None else self.tickets[id_]

    def final(self, ticket: Ticket) -> Ticket:
        """The ticket that goes on for this one: itself, or the end of the chain of merges."""
        while ticket.merged_into is not None:
            ticket = self.tickets[self._by_number[ticket.merged_into]]
        return ticket

    @property
    def skills(self) -> Mapping[str, str]:
        """The skill that each category asks of an agent."""
        return {category.id: category.skill for category in self.catalogue.categories.values()}

    def is_of_staff(self, agent_id: str) -> bool:
        """Whether that agent works at the desk; without a staff file, everybody whom the broker lets in does."""
        return self.staff is None or self.staff.member(agent_id) is not None

    def may_supervise(self, agent_id: str, ticket: Ticket) -> bool:
        """Whether that member of staff may act on the ticket as a supervisor; without a staff file nobody may."""
        if self.staff is None:
            return False
        holder = None if ticket.agent is None else ticket.agent.id
        skills = self.skills
        return self.staff.may_supervise(agent_id, holder, skills.get(ticket.category, ticket.category), skills)

    def may_have(self, known: KnownAgent, ticket: Ticket) -> bool:
        """Whether the agent may be given the ticket: by what they said when they signed on, within what the staff file
        says now."""
        skills = self.skills
        if self.staff is not None:
            member = self.staff.member(known.id)
            languages = None if member is None else member.languages_of(known.languages)
            if member is None or not member.is_agent or languages is None:
                return False
            known = replace(known, skills=member.skills_of(known.skills, skills), languages=languages)
        return known.may_have(ticket, skills)

    def member_as_agent(self, agent_id: str) -> TicketAgent:
        """A member of staff as tickets and entries show them: by their name in the staff file, else that of their last
        sign-on, if it was read, else their id."""
        member = None if self.staff is None else self.staff.member(agent_id)
        known = self.agents.get(agent_id)
        name = (member.display_name if member else None) or (known.display_name if known else agent_id)
        return TicketAgent(id=agent_id, display_name=name)

    def holder(self, person: str, key: str) -> Ticket | None:
        """The person's open ticket for that key. An older version may have made either key in another way."""
        theirs = self._open.get(person, {})
        id_ = theirs.get(key)
        if id_ is None and theirs:
            wanted = as_made_now(key)
            id_ = next((id_ for stored, id_ in theirs.items() if as_made_now(stored) == wanted), None)
        return None if id_ is None else self.tickets[id_]

    def open_tickets(self, person: str) -> list[Ticket]:
        """The person's open tickets, newest first."""
        tickets = [self.tickets[id_] for id_ in self._open.get(person, {}).values()]
        return sorted(tickets, key=lambda ticket: (ticket.opened_at, ticket.number), reverse=True)

    def of_person(self, person: str) -> list[Ticket]:
        """The person's tickets that were read: open ones, those of the last hour, those that messages name."""
        return [self.tickets[id_] for id_ in self._theirs.get(person, ())]

    def filed_alike(self, words: str) -> list[Ticket]:
        """The tickets, of those that the turn has read, that were filed with these words and are in no burst."""
        return [ticket for ticket in self.tickets.values() if ticket.filed == words]

    def held_in(self, burst: str) -> list[Ticket]:
        """The tickets, of those that the turn has read, that are held in this burst."""
        return [ticket for ticket in self.tickets.values() if ticket.burst == burst]

    @property
    def has_supervisors(self) -> bool:
        """Whether anybody could release held tickets, of any category."""
        return self.staff is not None and any(
            self.staff.has_role(id_, "supervisor", "manager") for id_ in self.staff.members
        )

    def supervisors_of(self, category: str) -> list[str]:
        """The ids of those who supervise tickets of that category without an agent."""
        skills = self.skills
        return [] if self.staff is None else self.staff.supervisors_of(None, skills.get(category, category), skills)

    def has_open_ticket(self, person: str) -> bool:
        """Whether the person has any open ticket."""
        return bool(self._open.get(person))

    def sharing(self, email: str) -> list[Account]:
        """The accounts that have this address."""
        return [account for account in self.accounts.values() if account.mailbox == mailbox(email)]

    def code_mailed(self, email: str) -> CodeMailed | None:
        """The last code that intake mailed to this address, if the turn has read it."""
        return self.mailed.get(mailed_id(email))

    def history(self, ticket: Ticket) -> list[Entry]:
        """What was read of a ticket's history, and what this turn added, in order."""
        return sorted(self._entries.get(ticket.id, {}).values(), key=lambda entry: entry.version)

    def _put(self, ticket: Ticket) -> None:
        before = self.tickets.get(ticket.id)
        if before is not None and before.open_key is not None:
            del self._open[before.person][before.open_key]
        if before is not None and before.person != ticket.person:
            del self._theirs[before.person][before.id]
        self._theirs.setdefault(ticket.person, {})[ticket.id] = None
        if ticket.open_key is not None:
            self._open.setdefault(ticket.person, {})[ticket.open_key] = ticket.id
        self.tickets[ticket.id] = ticket
        self._by_number[ticket.number] = ticket.id


def _know(there: dict[str, K], loaded: dict[str, K], key: str, value: K) -> None:
    if key not in there:
        there[key] = loaded[key] = value
