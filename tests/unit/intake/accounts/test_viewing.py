"""What an account's owner sees of it."""

from __future__ import annotations

from contracts.accounts import AccountViewed
from contracts.common import NamedAccount
from contracts.payload import read
from services.intake.domain.values.account import Account
from tests.unit.intake.accounts.test_persons import confirm, opened
from tests.unit.intake.desk import Desk, Heard, account
from tests.unit.said import on_the_wire


def viewed(heard: Heard) -> AccountViewed:
    assert heard.type == "account.viewed"
    assert (heard.decision.changes, heard.decision.remember) == ((), False)
    return read(AccountViewed, on_the_wire(heard.data)).data


def test_of_an_account_of_a_channel_the_desk_may_keep_nothing() -> None:
    ann = NamedAccount(kind="account", account_id="ann")
    seen = viewed(Desk().send("account.view", {"requester": account()}))
    assert seen == AccountViewed(account=ann, person=ann, display_name="Ann")


def test_its_owner_sees_address_and_preferences() -> None:
    desk = Desk()
    ann = account(email="ann@example.org")
    desk.opened(requester=ann)
    wanted = {"language": "de", "notify": {"assigned": {"email": False}}}
    hours = {"starts": "22:00", "ends": "07:00", "time_zone": "Europe/Berlin"}
    desk.send("account.set_preferences", {"requester": ann, **wanted, "quiet_hours": hours})
    seen = viewed(desk.send("account.view", {"requester": account()}))
    assert (seen.contact_email, seen.confirmed) == ("ann@example.org", False)
    assert (seen.language, seen.notify) == ("de", {"assigned": {"email": False}})
    assert on_the_wire(seen.quiet_hours) == hours


def test_accounts_that_are_one_person_name_the_same_one() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    before = viewed(desk.send("account.view", {"requester": guest}))
    assert not before.confirmed
    assert before.person == before.account
    confirm(desk, guest)
    confirm(desk, friend)
    first, second = (viewed(desk.send("account.view", {"requester": each})) for each in (guest, friend))
    assert first.confirmed
    assert second.confirmed
    assert first.person == second.person == first.account != second.account


def test_whether_somebody_else_has_the_address_makes_no_difference() -> None:
    desk = Desk()
    opened(desk, "victim@example.org")
    seen = []
    for name, email in (("mallory", "victim@example.org"), ("malice", "nobody@example.org")):
        desk.opened(requester=account(name, email=email), subject=name)
        viewed_ = desk.send("account.view", {"requester": account(name)}).data
        seen.append({field: value for field, value in viewed_.items() if name not in str(value).lower()})
    assert [each.pop("contact_email") for each in seen] == ["victim@example.org", "nobody@example.org"]
    assert seen[0] == seen[1]


def test_a_blocked_requester_still_sees_it() -> None:
    desk = Desk()
    desk.opened()
    key = "account:ann"
    desk.state.accounts[key] = Account(key, 1, None, 0, blocked_at=desk.now, blocked_by="s1", blocked_reason="Threats")
    assert desk.submit().code == "forbidden"
    assert viewed(desk.send("account.view", {"requester": account()})).display_name == "Ann"


def test_nobody_sees_another_account() -> None:
    desk = Desk()
    guest = opened(desk)
    wrong = {"temporary": {**guest["temporary"], "secret": "guessed"}}
    assert desk.send("account.view", {"requester": wrong}).code == "unauthenticated"
    assert desk.send("account.view", {"requester": account()}, "agent.a1").code == "forbidden"
