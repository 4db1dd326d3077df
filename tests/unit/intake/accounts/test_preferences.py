"""What a requester sets: kept, announced whole, and checked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.intake.desk import Desk, account, temporary

NIGHT = {"starts": "22:00", "ends": "07:00", "time_zone": "Europe/Berlin"}


def set_(desk: Desk, **wanted: Any) -> Any:
    return desk.send("account.set_preferences", {"requester": account(), **wanted})


def test_what_a_requester_sets_is_announced_whole_with_a_version_of_its_own() -> None:
    desk = Desk()
    heard = set_(desk, language="de", notify={"receipt": {"email": False}}, quiet_hours=NIGHT)
    assert heard.type == "command.accepted"
    (say,) = heard.decision.said
    assert (say.type, say.data) == (
        "account.preferences_changed",
        {
            "account_id": "ann",
            "kind": "account",
            "preferences_version": 1,
            "language": "de",
            "notify": {"receipt": {"email": False}},
            "quiet_hours": NIGHT,
        },
    )
    (say,) = set_(desk, language="fr").decision.said
    assert say.data == {"account_id": "ann", "kind": "account", "preferences_version": 2, "language": "fr"}


def test_setting_the_same_again_changes_nothing() -> None:
    desk = Desk()
    set_(desk, language="de")
    again = set_(desk, language="de")
    assert (again.type, again.decision.changes, again.decision.said) == ("command.accepted", (), ())


def test_a_temporary_account_sets_what_it_wants_with_its_secret() -> None:
    desk = Desk()
    id_ = desk.send("account.open_temporary", {}).data["account_id"]
    wanted = {"requester": temporary(id_, "right"), "language": "es"}
    assert desk.send("account.set_preferences", wanted).code == "unauthenticated"
    desk.secrets.add((id_, "right"))
    (say,) = desk.send("account.set_preferences", wanted).decision.said
    assert (say.data["account_id"], say.data["kind"]) == (id_, "temporary")


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"notify": {"recept": {"email": False}}}, "notify.recept"),
        ({"notify": {"contact_code": {"email": False}}}, "notify.contact_code"),
        ({"notify": {"receipt": {"pigeon": False}}}, "notify.receipt.pigeon"),
        ({"quiet_hours": {**NIGHT, "time_zone": "Europe/Atlantis"}}, "quiet_hours.time_zone"),
        ({"quiet_hours": {**NIGHT, "time_zone": "../etc/passwd"}}, "quiet_hours.time_zone"),
        ({"quiet_hours": {**NIGHT, "time_zone": "right/Europe/Berlin"}}, "quiet_hours.time_zone"),
        ({"quiet_hours": {**NIGHT, "time_zone": "localtime"}}, "quiet_hours.time_zone"),
        ({"quiet_hours": {**NIGHT, "time_zone": "europe/berlin"}}, "quiet_hours.time_zone"),
    ],
)
def test_what_there_is_not_is_named_by_field(wanted: dict[str, Any], field: str) -> None:
    desk = Desk()
    heard = set_(desk, **wanted)
    assert (heard.code, list(heard.data["errors"])) == ("invalid", [field])
    assert "account:ann" not in desk.state.accounts


def test_preferences_and_address_are_kept_beside_each_other() -> None:
    desk = Desk()
    desk.submit(account(email="ann@example.org"))
    set_(desk, language="de")
    kept = desk.state.accounts["account:ann"]
    assert (kept.contact_email, kept.contact_version, kept.preferences) == ("ann@example.org", 1, {"language": "de"})
