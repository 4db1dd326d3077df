"""All that intake takes, in one table: each type with its data, its door, and the function that decides it.

A type is that of a command, of another service's event, or of a timer of intake's own (`timer.<kind>`). The function is
in the room of what it is about. doors.py says whom a door lets in. The page is docs/intake.md, "A command is one room".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from contracts import sla
from contracts.accounts import (
    Block,
    ConfirmContact,
    ConfirmSwept,
    EraseAccount,
    ExportAccount,
    MergeAccounts,
    OpenTemporary,
    SetPreferences,
    Unblock,
    ViewAccount,
)
from contracts.agents import Paused, SignedOff, SignedOn
from contracts.articles import ArticleEvent
from contracts.attachments import Download, RotateKeys, Upload
from contracts.categories import ViewCatalogue
from contracts.tickets import (
    AgentReason,
    AgentText,
    AgentTicket,
    AnswerConsent,
    Assign,
    AssignTo,
    AutoClose,
    ChangeAgent,
    Edit,
    Escalate,
    LinkTo,
    ListTickets,
    Reclassify,
    Redact,
    Release,
    Reply,
    RequesterTicket,
    Submit,
    SuggestSolution,
    Supervise,
    Transfer,
    Unassign,
    ViewTicket,
)
from contracts.values import dataclass
from services.chassis.decision import Decision, Message, line_of
from services.intake.domain import doors
from services.intake.domain.abuse.blocking import block, block_needed, unblock
from services.intake.domain.abuse.bursts import ReleaseTimer, release, release_due, release_due_needed, release_needed
from services.intake.domain.accounts.expiry import end_due, ending_needed
from services.intake.domain.accounts.persons import confirm_contact, confirm_needed, merge_account, merge_needed
from services.intake.domain.accounts.preferences import set_preferences
from services.intake.domain.accounts.temporary import open_temporary, opening_needed
from services.intake.domain.accounts.viewing import view_account
from services.intake.domain.agents import presence
from services.intake.domain.agents.assignment import assign, change_agent, handing_over_needed, transfer, unassign
from services.intake.domain.agents.supervising import assign_to, reopen, reopen_needed, take_away
from services.intake.domain.attachments import rotating
from services.intake.domain.attachments.attaching import files_needed
from services.intake.domain.attachments.downloads import download, download_as_agent, download_needed
from services.intake.domain.attachments.rotating import KeyRotationTimer
from services.intake.domain.attachments.scanning import ScanTimer, scan_needed, scanned
from services.intake.domain.attachments.uploads import upload, upload_as_agent, upload_needed
from services.intake.domain.doors import Door
from services.intake.domain.needs import LastRotation, Need, Needs, TicketOf, nothing
from services.intake.domain.privacy.erasing import EraseTimer, erase, erase_due, erase_needed, portion_needed
from services.intake.domain.privacy.exporting import ExportTimer, download_archive, exported
from services.intake.domain.privacy.redaction import redact, redact_needed
from services.intake.domain.privacy.swept import confirm_swept, swept_needed
from services.intake.domain.state import View
from services.intake.domain.tickets import replies, solving
from services.intake.domain.tickets.articles import learn_article, learning_needed
from services.intake.domain.tickets.consent import answer_consent, ask_consent
from services.intake.domain.tickets.corrections import edit, edit_needed, reclassify, reclassify_needed
from services.intake.domain.tickets.escalation import armed, armed_needed, escalate, escalate_needed
from services.intake.domain.tickets.forms import view_catalogue
from services.intake.domain.tickets.joining import joining_needed, link, merge, ticket_acted_on
from services.intake.domain.tickets.submission import submission_needed, submit
from services.intake.domain.tickets.viewing import (
    list_needed,
    list_of_agent,
    list_tickets,
    view_as_agent,
    view_needed,
    view_own,
)
from services.intake.domain.values.account import AccountEndTimer
from services.intake.domain.values.rotation import THE_ONE

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Taken(Generic[P]):
    """How intake decides one type of message, and what that has to have read.

    The chassis's `Taken` names the function that decides. Here a door stands before it, which has its own needs and
    knows who may come in: so a line names the door.
    """

    data: type[P]
    door: Door[P]
    needs: Needs[P] = nothing
    """What has to be read for it, beside what its door needs."""
    looks: bool = False
    """It changes nothing, and is answered again each time it comes."""


TAKEN: Mapping[str, Taken[Any]] = {
    # Requesters about their tickets
    "ticket.submit": Taken(Submit, doors.requester(submit), submission_needed),
    "ticket.reply": Taken(Reply, doors.owner(replies.reply), replies.reply_needed),
    "ticket.edit": Taken(Edit, doors.owner(edit), edit_needed),
    "ticket.accept_solution": Taken(RequesterTicket, doors.owner(solving.accept_solution)),
    "ticket.change_agent": Taken(ChangeAgent, doors.owner(change_agent)),
    "ticket.answer_consent": Taken(AnswerConsent, doors.owner(answer_consent)),
    "ticket.escalate": Taken(
        Escalate,
        doors.either(lambda data: data.moderator is not None, doors.moderator(escalate), doors.owner(escalate)),
        escalate_needed,
    ),
    # Lists and views
    "ticket.list": Taken(
        ListTickets,
        doors.either(lambda data: data.requester is None, doors.staff(list_of_agent), doors.requester(list_tickets)),
        list_needed,
        looks=True,
    ),
    "ticket.view": Taken(
        ViewTicket,
        doors.either(
            lambda data: data.requester is None,
            doors.agent(view_as_agent, "an agent who may have it", looks=True),
            doors.owner(view_own, looks=True),
        ),
        view_needed,
        looks=True,
    ),
    "catalogue.view": Taken(ViewCatalogue, doors.anybody(view_catalogue), looks=True),
    "account.view": Taken(ViewAccount, doors.requester(view_account), looks=True),
    # Files
    "attachment.upload": Taken(
        Upload,
        doors.either(
            lambda data: data.requester is None,
            doors.agent(upload_as_agent, "an agent who may have it"),
            doors.requester(upload),
        ),
        upload_needed,
    ),
    "attachment.download": Taken(
        Download,
        doors.either(
            lambda data: data.account is not None or (data.requester is not None and data.number is None),
            doors.account(download_archive, kept=False),
            doors.either(
                lambda data: data.requester is None,
                doors.agent(download_as_agent, "an agent who may have it", looks=True),
                doors.owner(download, looks=True),
            ),
        ),
        download_needed,
        looks=True,
    ),
    ScanTimer.type_(): Taken(ScanTimer, doors.anybody(scanned), scan_needed),
    "attachment_keys.rotate": Taken(
        RotateKeys,
        doors.anybody(
            lambda view, message, now: rotating.rotate(view.rotations.get(THE_ONE), view.master_key, message, now)
        ),
        lambda _known, _message: [LastRotation()],
    ),
    KeyRotationTimer.type_(): Taken(
        KeyRotationTimer,
        doors.anybody(
            lambda view, message, now: rotating.go_on(
                view.rotations.get(THE_ONE), view.prepared.rewrapped.get(message.key), now
            )
        ),
        lambda _known, _message: [LastRotation()],
    ),
    # Agents
    "ticket.start_work": Taken(AgentTicket, doors.agent(solving.start_work)),
    "ticket.ask_info": Taken(AgentText, doors.agent(solving.ask_info), files_needed),
    "ticket.suggest_solution": Taken(SuggestSolution, doors.agent(solving.suggest_solution), solving.suggest_needed),
    "ticket.add_note": Taken(AgentText, doors.agent(solving.add_note, "an agent who may have it"), files_needed),
    "ticket.ask_consent": Taken(AgentReason, doors.agent(ask_consent)),
    "ticket.transfer": Taken(Transfer, doors.agent(transfer), handing_over_needed),
    "ticket.link": Taken(
        LinkTo, doors.agent(link, "an agent who may have it", number_of=ticket_acted_on), joining_needed
    ),
    "ticket.merge_into": Taken(
        LinkTo,
        doors.agent(merge, "its agent or a supervisor", number_of=ticket_acted_on),
        joining_needed,
    ),
    "ticket.close": Taken(AgentReason, doors.agent(solving.close, "its agent or a supervisor")),
    "ticket.reclassify": Taken(Reclassify, doors.agent(reclassify, "its agent or a supervisor"), reclassify_needed),
    # Supervisors
    "ticket.assign_to": Taken(AssignTo, doors.agent(assign_to, "a supervisor"), handing_over_needed),
    "ticket.take_away": Taken(Supervise, doors.agent(take_away, "a supervisor")),
    "ticket.reopen": Taken(Supervise, doors.agent(reopen, "a supervisor"), reopen_needed),
    "ticket.release": Taken(Release, doors.agent(release, "a supervisor"), release_needed),
    "ticket.redact": Taken(Redact, doors.agent(redact, "a supervisor"), redact_needed),
    ReleaseTimer.type_(): Taken(ReleaseTimer, doors.anybody(release_due), release_due_needed),
    "requester.block": Taken(Block, doors.staff(block), block_needed),
    "requester.unblock": Taken(Unblock, doors.staff(unblock), block_needed),
    # Services
    "ticket.assign": Taken(Assign, doors.service(assign), handing_over_needed),
    "ticket.unassign": Taken(Unassign, doors.service(unassign)),
    "ticket.auto_close": Taken(AutoClose, doors.service(solving.auto_close)),
    "sla.armed": Taken(sla.Armed, doors.anybody(armed), armed_needed),
    "agent.signed_on": Taken(SignedOn, doors.anybody(presence.signed_on), presence.agent_needed),
    "agent.signed_off": Taken(SignedOff, doors.anybody(presence.signed_off), presence.agent_needed),
    "agent.paused": Taken(Paused, doors.anybody(presence.paused), presence.agent_needed),
    "agent.resumed": Taken(Paused, doors.anybody(presence.resumed), presence.agent_needed),
    "article.published": Taken(ArticleEvent, doors.anybody(learn_article), learning_needed),
    "article.withdrawn": Taken(ArticleEvent, doors.anybody(learn_article), learning_needed),
    # Accounts
    "account.open_temporary": Taken(OpenTemporary, doors.anybody(open_temporary), opening_needed),
    "account.set_preferences": Taken(SetPreferences, doors.requester(set_preferences)),
    "account.confirm_contact": Taken(ConfirmContact, doors.requester(confirm_contact), confirm_needed),
    "account.merge": Taken(MergeAccounts, doors.requester(merge_account), merge_needed),
    "account.erase": Taken(EraseAccount, doors.account(erase), erase_needed),
    "account.export": Taken(ExportAccount, doors.account(exported)),
    "erasures.confirm_swept": Taken(ConfirmSwept, doors.anybody(confirm_swept), swept_needed),
    AccountEndTimer.type_(): Taken(AccountEndTimer, doors.anybody(end_due), ending_needed),
    EraseTimer.type_(): Taken(EraseTimer, doors.anybody(erase_due), portion_needed),
    # The archive was made before the turn.
    ExportTimer.type_(): Taken(ExportTimer, doors.anybody(lambda _view, _message, _now: Decision())),
}
"""All that intake takes, by type."""


def still_needed(known: View, messages: Iterable[Message[Any]]) -> set[Need]:
    """What has to be read for these messages and has not been asked for, given what is known so far: what their doors
    and their lines name, and the tickets in which those that are known go on."""
    needs: set[Need] = set()
    for message in messages:
        line = line_of(TAKEN, message)
        needs.update(line.door.needs(known, message))
        needs.update(line.needs(known, message))
    needs.update(TicketOf(ticket.merged_into) for ticket in known.tickets.values() if ticket.merged_into)
    return needs - known.asked
