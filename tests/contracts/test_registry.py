"""The registry says what the wire contract says: who sends which type, where, and who answers."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from contracts.names import AGENTS, CHANNELS, DESK, EVENTS, INTAKE, LIVE, QUESTIONS, SERVICES
from contracts.registry import TYPES, Kind, command, event, outcome
from deploy.documents.contract import HERE

CHANNEL_COMMANDS = """
    account.open_temporary account.confirm_contact account.set_preferences account.merge
    account.export account.erase
    ticket.submit ticket.reply ticket.edit ticket.accept_solution ticket.escalate ticket.change_agent
    ticket.answer_consent ticket.list ticket.view attachment.upload attachment.download
    article.opened article.helped
"""
AGENT_COMMANDS = """
    agent.sign_on agent.heartbeat agent.sign_off agent.pause agent.resume
    ticket.start_work ticket.ask_info ticket.suggest_solution ticket.add_note ticket.ask_consent ticket.close
    ticket.reclassify ticket.transfer ticket.link ticket.merge_into ticket.redact ticket.list ticket.view
    attachment.upload attachment.download
    ticket.assign_to ticket.take_away ticket.reopen
    ticket.release requester.block requester.unblock
    article.save article.translate article.restore article.publish article.withdraw article.move
    article.attach article.detach
"""
OPERATOR_COMMANDS = """
    account.export account.erase attachment.download
    notifications.resend attachment_keys.rotate erasures.confirm_swept
    article.save article.translate article.restore article.publish article.withdraw article.move
    article.attach article.detach
"""
EVENT_TYPES = """
    ticket.opened ticket.note_added ticket.edited ticket.assigned ticket.unassigned ticket.work_started
    ticket.info_requested ticket.solution_suggested ticket.customer_replied ticket.reclassified ticket.escalated
    ticket.consent_requested ticket.consent_answered ticket.closed ticket.reopened ticket.merged ticket.linked
    ticket.transferred ticket.redacted account.temporary_opened account.temporary_expired account.contact_changed
    account.preferences_changed account.erased agent.signed_on agent.signed_off agent.paused agent.resumed sla.armed
    sla.warning sla.breached sla.met sla.closing_soon notification.sent notification.failed
    ticket.held ticket.released requester.blocked requester.unblocked draft.filed
    article.published article.withdrawn
"""
OUTCOMES = """
    ticket.opened ticket.duplicate ticket.similar ticket.reopened account.temporary_opened ticket.listed ticket.viewed
    account.viewed catalogue.viewed
    command.accepted command.rejected account.exported attachment.stored attachment.content
    article.found article.viewed article.categorised article.versioned article.content
"""
TO_AGENTS = """
    ticket.assigned ticket.unassigned ticket.customer_replied ticket.edited ticket.escalated ticket.consent_answered
    ticket.linked ticket.note_added ticket.reclassified ticket.reopened ticket.closed ticket.redacted
    sla.warning sla.breached ticket.held notification.message
"""


def of(kind: Kind) -> set[str]:
    return {each.type for each in TYPES.values() if each.kind == kind}


def test_holds_every_type_of_the_wire_contract() -> None:
    services = {"ticket.assign", "ticket.unassign", "ticket.auto_close"}
    assert of("command") == {
        *CHANNEL_COMMANDS.split(),
        *AGENT_COMMANDS.split(),
        *OPERATOR_COMMANDS.split(),
        *services,
    }
    assert of("event") == {*EVENT_TYPES.split()}
    assert of("outcome") == {*OUTCOMES.split()}
    assert of("agent_message") == {*TO_AGENTS.split()}
    assert of("channel_message") == {"notification.message"}
    assert of("live_message") == {"ticket.changed"}


@pytest.mark.parametrize(
    ("user", "types"),
    [
        ("web", CHANNEL_COMMANDS.split()),
        ("agent.a7", AGENT_COMMANDS.split()),
        ("routing", ["ticket.assign", "ticket.unassign"]),
        ("sla", ["ticket.auto_close"]),
        ("intake", []),
        ("notifications", []),
        ("agent.A7", []),
        ("operator", OPERATOR_COMMANDS.split()),
        ("nobody at all", []),
    ],
)
def test_says_who_may_send_which_command(user: str, types: list[str]) -> None:
    assert {each.type for each in TYPES.values() if each.kind == "command" and each.may_be_sent_by(user)} == set(types)


def test_each_command_and_question_has_one_answering_service() -> None:
    for each in TYPES.values():
        is_asked = each.kind in ("command", "question")
        about = each.type.partition(".")[0]
        expected = about if about in SERVICES else {"agent": "routing", "article": "knowledge"}.get(about, "intake")
        assert each.answered_by == (expected if is_asked else None), each.type


QUESTIONS_ALONE = [
    *("article.search", "article.suggest", "article.view", "article.list", "article.categories"),
    *("article.versions", "article.download", "account.view", "catalogue.view"),
]
"""Those that are not commands too."""


def test_what_channels_and_agents_may_ask() -> None:
    """What is a view on the old exchanges may be asked by the same senders, agents under a key of their own."""
    views = {"ticket.list", "ticket.view", "attachment.download"}
    assert of("question") == views.union(QUESTIONS_ALONE)
    assert {type_ for type_ in QUESTIONS_ALONE if command(type_) is not None} == set()
    for type_ in views:
        as_command, asked = command(type_), TYPES["question", type_]
        assert as_command is not None
        assert as_command.senders - {"operator"} == asked.senders
        assert as_command.data is asked.data
    assert TYPES["question", "ticket.view"].keys == {"ticket.view", "staff.ticket.view"}
    assert TYPES["question", "ticket.view"].key_of("web") == "ticket.view"
    assert TYPES["question", "ticket.view"].key_of("agent.a7") == "staff.ticket.view"
    assert TYPES["command", "ticket.view"].key_of("agent.a7") == "ticket.view"


@pytest.mark.parametrize(
    ("kind", "type", "exchanges"),
    [
        ("command", "ticket.submit", (INTAKE,)),
        ("command", "ticket.close", (DESK,)),
        ("command", "ticket.assign", (DESK,)),
        ("command", "ticket.view", (DESK, INTAKE)),
        ("question", "ticket.view", (QUESTIONS,)),
        ("event", "ticket.opened", (EVENTS,)),
        ("outcome", "ticket.opened", (AGENTS, CHANNELS)),
        ("agent_message", "ticket.assigned", (AGENTS,)),
        ("channel_message", "notification.message", (CHANNELS,)),
        ("live_message", "ticket.changed", (LIVE,)),
    ],
)
def test_says_where_a_type_is_published(kind: Kind, type: str, exchanges: tuple[str, ...]) -> None:
    assert TYPES[kind, type].exchanges == exchanges


def test_one_name_may_stand_for_different_data() -> None:
    as_event, as_outcome = event("ticket.opened"), outcome("ticket.opened")
    assert as_event is not None
    assert as_outcome is not None
    assert "entry" in as_event.schema.wire_fields()
    assert "entry" not in as_outcome.schema.wire_fields()
    assert command("ticket.opened") is None
    assert event("ticket.submit") is None


def test_contracts_need_the_standard_library_marshmallow_and_msgspec_alone() -> None:
    """So that a channel's author can install them without the help desk."""
    files = [*HERE.rglob("*.py")]
    assert HERE / "registry.py" in files
    for path in files:
        for name in imported(path):
            assert name in sys.stdlib_module_names or name in {"contracts", "marshmallow", "msgspec"}, (
                f"{path.name}: {name}"
            )


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name.split(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names.add((node.module or "").split(".")[0])
    return names
