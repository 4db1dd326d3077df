"""Codes that confirm an address: mailed again on demand, and to nobody more often than once in ten minutes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.intake.domain.values.mailed_code import MAILED_EVERY, CodeMailed, next_code_at
from tests.unit.intake.accounts.test_persons import EMAIL, OTHER, codes, confirm, key_of, merge, opened
from tests.unit.intake.desk import MORNING, Desk, Heard, account, temporary

SECOND = timedelta(seconds=1)


def ask(desk: Desk, requester: dict[str, object]) -> Heard:
    """For the code, without one."""
    return desk.send("account.confirm_contact", {"requester": requester})


@pytest.mark.parametrize(
    ("since", "at"),
    [
        (timedelta(0), MAILED_EVERY),
        (MAILED_EVERY - SECOND, MAILED_EVERY),
        (MAILED_EVERY, None),
        (-SECOND, MAILED_EVERY),
        (-MAILED_EVERY, None),
    ],
    ids=["at once", "just before", "after ten minutes", "another clock's second", "the clock was set back"],
)
def test_a_code_may_be_mailed_again_after_ten_minutes(since: timedelta, at: timedelta | None) -> None:
    assert next_code_at(CodeMailed("id", MORNING), MORNING + since) == (at and MORNING + at)
    assert next_code_at(None, MORNING) is None


def test_a_code_that_got_lost_is_mailed_again() -> None:
    desk = Desk()
    zoe = opened(desk)
    desk.later(minutes=10)
    heard = ask(desk, zoe)
    assert (heard.type, dict(heard.data)) == ("command.accepted", {})
    (said,) = heard.decision.said
    assert (said.data["email"], said.data["contact_version"], codes(heard)) == (
        EMAIL,
        1,
        [zoe["temporary"]["account_id"]],
    )
    assert confirm(desk, zoe).type == "command.accepted"


def test_a_code_is_mailed_once_in_ten_minutes_whatever_the_number_of_accounts() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk, EMAIL.upper())
    for requester in (guest, friend):
        heard = ask(desk, requester)
        assert (heard.code, heard.data["retry_at"], heard.decision.said) == ("rate_limited", MORNING + MAILED_EVERY, ())
    desk.later(minutes=10)
    assert ask(desk, friend).type == "command.accepted"
    assert ask(desk, guest).data["retry_at"] == desk.now + MAILED_EVERY
    assert ask(desk, opened(desk, "leo@example.org")).code == "rate_limited", "its own was mailed just now"
    desk.later(minutes=10)
    assert ask(desk, guest).type == "command.accepted"


def test_of_accounts_opened_with_one_address_the_first_is_mailed_a_code_by_itself() -> None:
    desk = Desk()
    first = desk.send("account.open_temporary", {"contact_email": EMAIL})
    assert (len(codes(first)), "code_at" in first.data) == (1, False)
    for _ in range(3):
        desk.later(minutes=3)
        heard = desk.send("account.open_temporary", {"contact_email": EMAIL})
        assert (codes(heard), heard.data["code_at"]) == ([], MORNING + MAILED_EVERY)
        assert heard.events() == ["account.temporary_opened", "account.contact_changed"], "mail goes there all the same"
        assert all("code_at" not in say.data for say in heard.decision.said), "the answer alone says it"
    desk.secrets.add((heard.data["account_id"], "right"))
    late = temporary(heard.data["account_id"], "right")
    desk.later(minutes=1)
    assert codes(ask(desk, late)) == [heard.data["account_id"]]
    assert confirm(desk, late).type == "command.accepted"
    assert len(codes(desk.send("account.open_temporary", {"contact_email": "leo@example.org"}))) == 1


def test_who_ends_the_account_that_was_mailed_a_code_has_no_other_mailed_by_opening_one_again() -> None:
    desk = Desk()
    zoe = opened(desk)
    merge(desk, account("ann"), zoe)
    assert EMAIL not in str(desk.state.accounts) + str(desk.state.mailed), "what is remembered is no address"
    again = desk.send("account.open_temporary", {"contact_email": EMAIL})
    assert (codes(again), again.data["code_at"]) == ([], MORNING + MAILED_EVERY)


@pytest.mark.parametrize("why", ["confirmed", "no address", "unknown"])
def test_who_has_nothing_to_confirm_is_mailed_no_code(why: str) -> None:
    desk = Desk()
    zoe = account() if why == "unknown" else opened(desk, None if why == "no address" else EMAIL)
    if why == "confirmed":
        confirm(desk, zoe)
    desk.later(days=1)
    heard = ask(desk, zoe)
    assert (heard.code, heard.decision.changes, heard.decision.said) == ("wrong_status", (), ())


def test_a_real_account_asks_for_its_code_before_anybody_shares_its_address() -> None:
    desk = Desk()
    desk.submit(account("ann", email=EMAIL))
    assert codes(ask(desk, account("ann"))) == ["ann"]
    assert confirm(desk, account("ann")).type == "command.accepted"
    zoe = opened(desk)
    confirm(desk, zoe)
    assert desk.state.accounts[key_of(zoe)].person == "account:ann"


def test_an_address_that_comes_with_a_command_is_mailed_no_code_where_one_was_mailed_lately() -> None:
    desk = Desk()
    opened(desk)
    assert codes(desk.submit(account("ann", email=EMAIL))) == []
    assert codes(desk.submit(account("bob", email=EMAIL.title()), **OTHER)) == []
    desk.later(minutes=10)
    assert codes(desk.submit(account("cid", email=EMAIL))) == ["cid"]


def test_once_an_address_is_confirmed_codes_go_to_real_accounts_and_to_none_that_anybody_may_have_opened() -> None:
    desk = Desk()
    zoe = opened(desk)
    for _ in range(5):
        opened(desk)
    desk.submit(account("ann", email=EMAIL))
    assert codes(confirm(desk, zoe)) == ["ann"]
    assert ask(desk, account("ann")).code == "rate_limited", "that one counts too"
