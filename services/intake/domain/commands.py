"""All messages that intake takes, in one table: each type with its data, its door, and the function that decides it.

A command is its line here and the function that the line names, in the room of what it is about. doors.py says whom a
door lets in. The page is docs/intake.md, "A command is one room".
"""

from __future__ import annotations

from collections.abc import Mapping
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
)
from contracts.agents import Paused, SignedOff, SignedOn
from contracts.attachments import Download, RotateKeys, Upload
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
    View,
)
from contracts.values import dataclass
from services.chassis.decision import Decision
from services.intake.domain import doors
from services.intake.domain.abuse.blocking import block, block_needed, unblock
from services.intake.domain.abuse.bursts import RELEASE, release, release_due, release_due_needed, release_needed
from services.intake.domain.accounts.expiry import end_due, ending_needed
from services.intake.domain.accounts.persons import confirm_contact, confirm_needed, merge_account, merge_needed
from services.intake.domain.accounts.preferences import set_preferences
from services.intake.domain.accounts.temporary import open_temporary, opening_needed
from services.intake.domain.agents import presence
from services.intake.domain.agents.assignment import assign, change_agent, handing_over_needed, transfer, unassign
from services.intake.domain.agents.supervising import assign_to, reopen, reopen_needed, take_away
from services.intake.domain.attachments import rotating
from services.intake.domain.attachments.attaching import files_needed
from services.intake.domain.attachments.downloads import download, download_as_agent, download_needed
from services.intake.domain.attachments.scanning import SCAN, scan_needed, scanned
from services.intake.domain.attachments.uploads import upload, upload_as_agent, upload_needed
from services.intake.domain.doors import Door
from services.intake.domain.needs import LastRotation, Needs, nothing
from services.intake.domain.privacy.erasing import ERASE, erase, erase_due, erase_needed, portion_needed
from services.intake.domain.privacy.exporting import EXPORT, download_archive, exported
from services.intake.domain.privacy.redaction import redact, redact_needed
from services.intake.domain.privacy.swept import confirm_swept, swept_needed
from services.intake.domain.tickets import replies, solving
from services.intake.domain.tickets.consent import answer_consent, ask_consent
from services.intake.domain.tickets.corrections import edit, edit_needed, reclassify, reclassify_needed
from services.intake.domain.tickets.escalation import armed, armed_needed, escalate, escalate_needed
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
from services.intake.domain.values.account import END
from services.intake.domain.values.rotation import THE_ONE

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Command(Generic[P]):
    """One type of message that intake takes.

    `name`: the type of a command, of news of another service, or of a timer of intake's own (`timer.<kind>`, whose data
    is that of its `Arm`). `looks`: it changes nothing, and is answered again each time it comes.
    """

    name: str
    data: type[P]
    door: Door[P]
    needs: Needs[P] = nothing
    """What has to be read for it, beside what its door needs."""
    looks: bool = False


ALL: tuple[Command[Any], ...] = (
    # Requesters about their tickets
    Command("ticket.submit", Submit, doors.requester(submit), submission_needed),
    Command("ticket.reply", Reply, doors.owner(replies.reply), replies.reply_needed),
    Command("ticket.edit", Edit, doors.owner(edit), edit_needed),
    Command("ticket.accept_solution", RequesterTicket, doors.owner(solving.accept_solution)),
    Command("ticket.change_agent", ChangeAgent, doors.owner(change_agent)),
    Command("ticket.answer_consent", AnswerConsent, doors.owner(answer_consent)),
    Command(
        "ticket.escalate",
        Escalate,
        doors.either(lambda data: data.moderator is not None, doors.moderator(escalate), doors.owner(escalate)),
        escalate_needed,
    ),
    # Whoever looks
    Command(
        "ticket.list",
        ListTickets,
        doors.either(lambda data: data.requester is None, doors.staff(list_of_agent), doors.requester(list_tickets)),
        list_needed,
        looks=True,
    ),
    Command(
        "ticket.view",
        View,
        doors.either(
            lambda data: data.requester is None,
            doors.agent(view_as_agent, "an agent who may have it", looks=True),
            doors.owner(view_own, looks=True),
        ),
        view_needed,
        looks=True,
    ),
    # Files
    Command(
        "attachment.upload",
        Upload,
        doors.either(
            lambda data: data.requester is None,
            doors.agent(upload_as_agent, "an agent who may have it"),
            doors.requester(upload),
        ),
        upload_needed,
    ),
    Command(
        "attachment.download",
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
    Command(f"timer.{SCAN}", dict, doors.anybody(scanned), scan_needed),
    Command(
        "attachment_keys.rotate",
        RotateKeys,
        doors.anybody(
            lambda state, message, now: rotating.rotate(state.rotations.get(THE_ONE), state.master_key, message, now)
        ),
        lambda _known, _message: [LastRotation()],
    ),
    Command(
        f"timer.{rotating.GO_ON}",
        dict,
        doors.anybody(
            lambda state, message, now: rotating.go_on(
                state.rotations.get(THE_ONE), state.prepared.rewrapped.get(message.key), now
            )
        ),
        lambda _known, _message: [LastRotation()],
    ),
    # Agents
    Command("ticket.start_work", AgentTicket, doors.agent(solving.start_work)),
    Command("ticket.ask_info", AgentText, doors.agent(solving.ask_info), files_needed),
    Command("ticket.suggest_solution", SuggestSolution, doors.agent(solving.suggest_solution), files_needed),
    Command("ticket.add_note", AgentText, doors.agent(solving.add_note, "an agent who may have it"), files_needed),
    Command("ticket.ask_consent", AgentReason, doors.agent(ask_consent)),
    Command("ticket.transfer", Transfer, doors.agent(transfer), handing_over_needed),
    Command(
        "ticket.link", LinkTo, doors.agent(link, "an agent who may have it", number_of=ticket_acted_on), joining_needed
    ),
    Command(
        "ticket.merge_into",
        LinkTo,
        doors.agent(merge, "its agent or a supervisor", number_of=ticket_acted_on),
        joining_needed,
    ),
    Command("ticket.close", AgentReason, doors.agent(solving.close, "its agent or a supervisor")),
    Command("ticket.reclassify", Reclassify, doors.agent(reclassify, "its agent or a supervisor"), reclassify_needed),
    # Supervisors
    Command("ticket.assign_to", AssignTo, doors.agent(assign_to, "a supervisor"), handing_over_needed),
    Command("ticket.take_away", Supervise, doors.agent(take_away, "a supervisor")),
    Command("ticket.reopen", Supervise, doors.agent(reopen, "a supervisor"), reopen_needed),
    Command("ticket.release", Release, doors.agent(release, "a supervisor"), release_needed),
    Command("ticket.redact", Redact, doors.agent(redact, "a supervisor"), redact_needed),
    Command(f"timer.{RELEASE}", dict, doors.anybody(release_due), release_due_needed),
    Command("requester.block", Block, doors.staff(block), block_needed),
    Command("requester.unblock", Unblock, doors.staff(unblock), block_needed),
    # Services
    Command("ticket.assign", Assign, doors.service(assign), handing_over_needed),
    Command("ticket.unassign", Unassign, doors.service(unassign)),
    Command("ticket.auto_close", AutoClose, doors.service(solving.auto_close)),
    Command("sla.armed", sla.Armed, doors.anybody(armed), armed_needed),
    Command("agent.signed_on", SignedOn, doors.anybody(presence.signed_on), presence.agent_needed),
    Command("agent.signed_off", SignedOff, doors.anybody(presence.signed_off), presence.agent_needed),
    Command("agent.paused", Paused, doors.anybody(presence.paused), presence.agent_needed),
    Command("agent.resumed", Paused, doors.anybody(presence.resumed), presence.agent_needed),
    # Accounts
    Command("account.open_temporary", OpenTemporary, doors.anybody(open_temporary), opening_needed),
    Command("account.set_preferences", SetPreferences, doors.requester(set_preferences)),
    Command("account.confirm_contact", ConfirmContact, doors.requester(confirm_contact), confirm_needed),
    Command("account.merge", MergeAccounts, doors.requester(merge_account), merge_needed),
    Command("account.erase", EraseAccount, doors.account(erase), erase_needed),
    Command("account.export", ExportAccount, doors.account(exported)),
    Command("erasures.confirm_swept", ConfirmSwept, doors.anybody(confirm_swept), swept_needed),
    Command(f"timer.{END}", dict, doors.anybody(end_due), ending_needed),
    Command(f"timer.{ERASE}", dict, doors.anybody(erase_due), portion_needed),
    # The archive was made before the turn.
    Command(f"timer.{EXPORT}", dict, doors.anybody(lambda _state, _message, _now: Decision())),
)

COMMANDS: Mapping[str, Command[Any]] = {command.name: command for command in ALL}
"""All that intake takes, by type."""
