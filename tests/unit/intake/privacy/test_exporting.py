"""Who has an archive of an account, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.chassis.decision import Arm
from services.intake.domain.privacy.exporting import KEPT, ExportTimer, making
from services.intake.domain.state import View
from services.intake.domain.values.account import Account
from services.intake.domain.values.file import archives_of
from services.intake.files.archive import _facts
from tests.unit.intake.desk import Desk, Heard, account

NAMED = {"account": {"kind": "account", "account_id": "ann"}}


def a_desk() -> tuple[Desk, str]:
    """Ann's archive is there."""
    desk = Desk()
    desk.opened()
    ref = desk.keep(archives_of("account:ann"), b"the archive", "application/zip")
    desk.state.persons = {"account:ann": ("account:ann",)}
    return desk, ref


def export(desk: Desk, data: dict[str, Any], sender: str = "web", ref: str | None = None) -> Heard:
    """`account.export`, for which the archive was found, or none."""
    key = f"{sender}\x1fm{desk.sent + 1}"
    desk.prepare(archives={key: desk.state.files[ref]} if ref else {})
    return desk.send("account.export", data, sender)


def test_it_is_answered_with_the_archive_and_until_when() -> None:
    desk, ref = a_desk()
    heard = export(desk, {"requester": account()}, ref=ref)
    assert (heard.type, heard.data["attachment"]["ref"]) == ("account.exported", ref)
    assert heard.data["until"] == desk.now + KEPT == desk.now + timedelta(days=1)
    assert export(desk, NAMED, "operator", ref).type == "account.exported"


def test_what_is_not_ready_in_time_is_to_be_asked_for_again() -> None:
    desk, _ = a_desk()
    heard = export(desk, {"requester": account()})
    assert (heard.code, heard.data["retry_at"]) == ("rate_limited", desk.now + timedelta(minutes=1))


@pytest.mark.parametrize("sender", ["web", "agent.a1"])
def test_only_the_operator_names_whose_it_is(sender: str) -> None:
    desk, ref = a_desk()
    assert export(desk, NAMED, sender, ref).code == "forbidden"
    assert desk.send("attachment.download", {**NAMED, "ref": ref}, sender).code == "forbidden"
    unknown = {"account": {"kind": "account", "account_id": "nobody"}}
    assert list(export(desk, unknown, "operator", ref).data["errors"]) == ["account"]


def test_only_the_account_and_the_operator_have_its_archive() -> None:
    desk, ref = a_desk()
    for data, sender in (({"requester": account()}, "web"), (NAMED, "operator")):
        heard = desk.send("attachment.download", {**data, "ref": ref}, sender)
        assert (heard.type, heard.data["parts"], "number" in heard.data) == ("attachment.content", 1, False)
        assert list(desk.send("attachment.download", {**data, "ref": ref, "part": 2}, sender).data["errors"]) == [
            "part"
        ]
    other = desk.send("attachment.download", {"requester": account("bob"), "ref": ref})
    assert list(other.data["errors"]) == ["ref"]
    agent = desk.send("attachment.download", {"agent_id": "a1", "ref": ref}, "agent.a1")
    assert list(agent.data["errors"]) == ["number"]


def test_what_is_going_and_what_is_no_archive_is_not_given() -> None:
    desk, ref = a_desk()
    own = desk.keep("account:ann", b"a file of hers")
    asked = {"requester": account()}
    assert list(desk.send("attachment.download", {**asked, "ref": own}).data["errors"]) == ["ref"]
    gone: View = desk.state
    gone.files[ref] = replace(gone.files[ref], state="removing")
    assert list(desk.send("attachment.download", {**asked, "ref": ref}).data["errors"]) == ["ref"]


def test_the_archive_tells_every_field_of_the_account_but_these() -> None:
    told = {
        *("key", "display_name", "contact_email", "preferences", "opened_at", "expires_at", "joined"),
        *("contact_version", "confirmed_version"),  # whether the address is confirmed
    }
    secret = {"secret_hash"}
    of_the_desk = {
        *("version", "preferences_version", "code_version", "confirmed_at", "leads", "merged_into", "ended_at"),
        *("wrote_since", "wrote", "blocked_at", "blocked_until", "blocked_by", "blocked_reason"),
    }
    assert set(Account.__dataclass_fields__) == told | secret | of_the_desk
    at = datetime(2026, 3, 9, tzinfo=UTC)
    ann = Account("account:ann", 1, "ann@example.org", 1, "Ann", "hash", at, at, {"language": "de"}, joined="account:b")
    facts = _facts("account:ann", ann, at)
    assert {"account:ann", "ann@example.org", "Ann", "account:b", at} <= {
        each for each in facts.values() if type(each) is not dict
    }
    assert "hash" not in str(facts)


def test_one_timer_makes_the_archive_of_an_account_in_a_lane_of_its_own() -> None:
    now = Desk().now
    assert making("account:ann", now) == Arm(
        "account_export:account:ann", ExportTimer(due=now), "account:ann", lane="export"
    )
