"""One person behind several accounts: the same address confirmed by each, or one account merged into another."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.unit.intake.attachments.test_attachments import WORDS, by_reference
from tests.unit.intake.desk import Desk, Heard, account, code_for, temporary

EMAIL = "zoe@example.org"
OTHER = {"subject": "The app is slow", "body": "Every page takes a minute since yesterday.", "issue_key": "slow"}


def opened(desk: Desk, email: str | None = EMAIL) -> dict[str, Any]:
    """A temporary account, as a command names it."""
    data = {"display_name": "Zoe"} if email is None else {"display_name": "Zoe", "contact_email": email}
    id_ = desk.send("account.open_temporary", data).data["account_id"]
    desk.secrets.add((id_, "right"))
    return temporary(id_, "right")


def key_of(requester: dict[str, Any]) -> str:
    its = requester.get("temporary")
    return f"temporary:{its['account_id']}" if its else f"account:{requester['account_id']}"


def confirm(desk: Desk, requester: dict[str, Any], code: str | None = None) -> Heard:
    key = key_of(requester)
    known = desk.state.accounts.get(key)
    code = code or code_for(key, 0 if known is None else known.contact_version)
    return desk.send("account.confirm_contact", {"requester": requester, "code": code})


def merge(desk: Desk, real: dict[str, Any], gone: dict[str, Any]) -> Heard:
    return desk.send("account.merge", {"requester": real, **gone})


def in_order(desk: Desk) -> bool:
    """No person has two open tickets of an issue, and every version has its entry."""
    held = Counter((ticket.person, ticket.key) for ticket in desk.state.tickets.values() if ticket.is_open)
    versions = all(
        [entry.version for entry in desk.state.history(ticket)] == list(range(1, ticket.version + 1))
        for ticket in desk.state.tickets.values()
    )
    return versions and max(held.values(), default=1) == 1


def codes(heard: Heard) -> list[str]:
    """The accounts to whose addresses a code is mailed."""
    return [say.data["account_id"] for say in heard.decision.said if say.data.get("code")]


def test_a_temporary_accounts_address_is_confirmed_by_the_code_that_was_mailed_to_it() -> None:
    desk = Desk()
    heard = desk.send("account.open_temporary", {"contact_email": EMAIL})
    assert codes(heard) == [heard.data["account_id"]]
    assert EMAIL not in str(heard.data)
    desk.secrets.add((heard.data["account_id"], "right"))
    zoe = temporary(heard.data["account_id"], "right")
    wrong = confirm(desk, zoe, "12345678")
    assert (wrong.code, list(wrong.data["errors"])) == ("invalid", ["code"])
    assert confirm(desk, zoe).type == "command.accepted"
    assert desk.state.accounts[key_of(zoe)].is_confirmed
    again = confirm(desk, zoe)
    assert (again.type, again.decision.changes) == ("command.accepted", ())


def test_who_has_no_address_has_none_to_confirm() -> None:
    desk = Desk()
    assert confirm(desk, opened(desk, None), "1").code == "wrong_status"
    assert confirm(desk, account(), "1").code == "wrong_status"


def test_too_many_wrong_codes_are_told_when_to_try_again() -> None:
    desk = Desk()
    zoe = opened(desk)
    desk.prepare(codes_again_at={key_of(zoe): desk.now})
    heard = confirm(desk, zoe, "12345678")
    assert (heard.code, heard.data["retry_at"]) == ("rate_limited", desk.now)
    assert confirm(desk, zoe).type == "command.accepted", "it was looked at before, and was right"


def test_a_real_account_is_asked_to_confirm_an_address_that_another_account_has() -> None:
    desk = Desk()
    assert codes(desk.submit(account("ann", email=EMAIL))) == []
    assert codes(desk.submit(account("bob", email=EMAIL))) == ["bob"]
    assert codes(confirm(desk, account("bob"))) == ["ann"], "somebody has confirmed it: now there is a reason to ask"
    assert desk.state.accounts["account:bob"].person == "account:bob"
    assert confirm(desk, account("ann")).type == "command.accepted"
    assert desk.state.accounts["account:ann"].person == "account:bob"


def test_several_temporary_accounts_are_one_requester_once_each_has_confirmed_the_same_address() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    first = desk.opened(requester=guest)
    apart = desk.opened(requester=friend, **OTHER)
    confirm(desk, guest)
    assert desk.submit(friend).type == "ticket.opened", "two persons yet"
    desk.later(minutes=1)
    joined = confirm(desk, friend)
    assert joined.type == "command.accepted"
    assert {ticket.person for ticket in desk.state.tickets.values()} == {key_of(guest)}
    assert in_order(desk)
    duplicate = desk.submit(friend)
    assert (duplicate.type, duplicate.ticket["number"]) == ("ticket.duplicate", first)
    assert desk.reply(first, friend).type == "command.accepted"
    assert desk.view(apart, guest).type == "ticket.viewed"
    listed = desk.send("ticket.list", {"requester": friend})
    assert len(listed.data["tickets"]) == 3


def test_an_address_in_capitals_is_the_same_address() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk, EMAIL.title())
    assert desk.state.accounts[key_of(friend)].contact_email == EMAIL.title(), "mail goes where they said"
    confirm(desk, guest)
    confirm(desk, friend)
    assert desk.state.accounts[key_of(friend)].person == key_of(guest)


def test_the_same_address_written_otherwise_by_another_channel_stays_confirmed() -> None:
    desk = Desk()
    opened(desk)
    desk.opened(status="closed", requester=account("ann", email=EMAIL))
    confirm(desk, account("ann"))
    heard = desk.submit(account("ann", email=EMAIL.upper()), **OTHER)
    assert (heard.type, codes(heard)) == ("ticket.opened", [])
    ann = desk.state.accounts["account:ann"]
    assert (ann.contact_email, ann.contact_version, ann.is_confirmed) == (EMAIL, 1, True)


def test_where_both_have_the_issue_open_the_newer_ticket_is_merged_into_the_older() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    older = desk.opened(status="assigned", requester=guest)
    desk.later(minutes=1)
    newer = desk.opened(status="assigned", requester=friend)
    confirm(desk, guest)
    heard = confirm(desk, friend)
    assert desk.ticket(newer).merged_into == older
    assert (desk.ticket(newer).status, desk.ticket(newer).close_reason) == ("closed", "merged")
    assert newer in desk.ticket(older).links
    assert heard.events() == ["ticket.merged", "ticket.linked"]
    assert heard.to_agents() == ["agent.a1.ticket.closed", "agent.a1.ticket.linked"]
    assert in_order(desk)


def test_the_older_one_goes_on_whoever_joins() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    older = desk.opened(requester=friend)
    desk.later(minutes=1)
    newer = desk.opened(requester=guest)
    confirm(desk, guest)
    heard = confirm(desk, friend)
    assert desk.ticket(newer).merged_into == older
    assert (desk.ticket(older).person, desk.ticket(older).status) == (key_of(guest), "new")
    assert heard.events() == ["ticket.merged", "ticket.edited", "ticket.linked"], "given up before another takes it"
    assert desk.ticket(older).links == (newer,)
    assert in_order(desk)


def test_a_confirmed_address_is_fixed_while_a_ticket_of_the_person_is_open() -> None:
    desk = Desk()
    desk.submit(account("ann", email=EMAIL))
    desk.submit(account("bob", email=EMAIL))
    confirm(desk, account("bob"))
    confirm(desk, account("ann"))
    desk.submit(account("ann", email="new@example.org"), **OTHER)
    assert desk.state.accounts["account:ann"].contact_email == EMAIL


@pytest.mark.parametrize("status", ["assigned", "closed"], ids=["a reply", "a reopening"])
def test_what_another_account_of_the_person_writes_leaves_the_address_of_who_filed_it(status: str) -> None:
    desk = Desk()
    zoe = opened(desk)
    number = desk.opened(status=status, requester=zoe)
    for address in ("old@example.org", EMAIL):
        desk.agent("ticket.close", desk.opened(status="assigned", requester=account("ann", email=address), **OTHER))
        desk.later(days=8 if address != EMAIL else 0)
    if status == "closed":
        desk.put(number, closed_at=desk.now)
    confirm(desk, zoe)
    confirm(desk, account("ann"))
    assert desk.reply(number, account("ann")).ticket["contact_version"] == 1, "ann's is 2, and zoe's will never be"


def test_an_account_that_others_have_joined_joins_none() -> None:
    desk = Desk()
    guest, friend, third = opened(desk), opened(desk), opened(desk)
    for each in (guest, friend, third):
        confirm(desk, each)
        desk.later(minutes=1)
    assert {desk.state.accounts[key_of(each)].person for each in (guest, friend, third)} == {key_of(guest)}
    assert desk.state.accounts[key_of(guest)].leads


def test_each_account_that_joins_another_writes_that_one_too() -> None:
    desk = Desk()
    guest, *others = [opened(desk) for _ in range(3)]
    confirm(desk, guest)
    for each in others:
        before = desk.state.accounts[key_of(guest)].version
        confirm(desk, each)
        assert desk.state.accounts[key_of(guest)].version == before + 1, "or the person may be erased at once, unseen"


def test_who_leads_and_is_mailed_a_code_as_another_joins_keeps_both() -> None:
    """They had changed their address, and gone back to it while a code was mailed there lately."""
    desk, bob = Desk(), account("bob")

    def closed(**more: Any) -> None:
        desk.agent("ticket.close", desk.opened(status="assigned", **more))

    closed(requester=account("bob", email=EMAIL))
    friend = opened(desk)
    desk.later(minutes=11)
    desk.send("account.confirm_contact", {"requester": bob})
    confirm(desk, bob)
    confirm(desk, friend)
    desk.later(days=1)
    closed(requester=account("bob", email="bob@example.org"), subject="App slow")
    third = opened(desk)
    closed(requester=account("bob", email=EMAIL), subject="Sound is gone")
    assert not desk.state.accounts["account:bob"].has_code
    assert codes(confirm(desk, third)) == ["bob"]
    leading = desk.state.accounts["account:bob"]
    assert (leading.has_code, leading.leads) == (True, True)
    assert desk.state.accounts[key_of(third)].person == leading.key


def test_a_ticket_that_is_filed_as_its_account_joins_another_changes_the_account_too() -> None:
    desk = Desk()
    desk.submit(account("ann", email=EMAIL))
    desk.submit(account("bob", email=EMAIL))
    before = desk.state.accounts["account:bob"].version
    desk.submit(account("bob", email=EMAIL), **OTHER)
    assert desk.state.accounts["account:bob"].version == before + 1
    before = desk.state.accounts["account:ann"].version
    desk.later(hours=1)
    desk.submit(account("ann", email=EMAIL), **OTHER)
    assert desk.state.accounts["account:ann"].version == before, "nobody waits for its code: nothing is written"


def test_an_account_that_ends_stays_one_with_the_person_whose_its_tickets_are() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    number = desk.opened(status="closed", requester=friend, **OTHER)
    confirm(desk, guest)
    confirm(desk, friend)
    desk.later(days=30)
    desk.end_due(friend["temporary"]["account_id"])
    ended = desk.state.accounts[key_of(friend)]
    assert (ended.person, ended.contact_email) == (key_of(guest), None)
    assert (desk.ticket(number).person, desk.ticket(number).requester.display_name) == (key_of(guest), "erased")


# account.merge


def test_a_temporary_account_is_merged_into_a_real_one_and_its_tickets_go_along() -> None:
    desk = Desk()
    zoe, ann = opened(desk), account("ann", email="ann@example.org")
    number = desk.opened(status="assigned", requester=zoe)
    closed = desk.opened(status="closed", requester=zoe, **OTHER)
    desk.submit(ann, subject="My invoice is wrong", body="It has the wrong sum.", issue_key="invoice")
    heard = merge(desk, ann, zoe)
    assert heard.type == "command.accepted"
    for each in (number, closed):
        ticket = desk.ticket(each)
        assert (ticket.requester.id, ticket.requester.kind, ticket.person) == ("ann", "account", "account:ann")
        assert ticket.requester.display_name == "Zoe", "as at filing"
        assert ticket.contact_version == 1
    assert desk.reply(number, ann).type == "command.accepted"
    assert "account.temporary_expired" in heard.events()
    assert desk.state.accounts[key_of(zoe)].secret_hash is None
    assert EMAIL not in str(desk.state.accounts)
    assert in_order(desk)


def test_files_that_no_case_names_yet_go_along_with_a_merge() -> None:
    desk = Desk()
    zoe = opened(desk)
    number = desk.opened(requester=zoe)
    used, waiting = desk.keep(key_of(zoe), b"used"), desk.keep(key_of(zoe), WORDS)
    desk.reply(number, zoe, attachments=[by_reference(used, b"used")])
    others = desk.keep("temporary:another", b"of somebody else")
    written = desk.keep(key_of(zoe), b"half", state="writing")
    assert merge(desk, account("ann"), zoe).type == "command.accepted"
    owners = {ref: file.owner for ref, file in desk.state.files.items()}
    gone = key_of(zoe)
    assert owners == {used: gone, waiting: "account:ann", others: "temporary:another", written: gone}
    assert desk.reply(number, account("ann"), attachments=[by_reference(waiting)]).type == "command.accepted"
    assert desk.state.files[waiting].used


def test_of_tickets_for_one_issue_the_older_goes_on_after_a_merge() -> None:
    desk = Desk()
    zoe = opened(desk)
    older = desk.opened(requester=zoe)
    desk.later(minutes=1)
    newer = desk.opened(requester=account("ann"))
    merge(desk, account("ann"), zoe)
    assert desk.ticket(newer).merged_into == older
    assert desk.submit(account("ann")).ticket["number"] == older
    assert in_order(desk)


def test_a_merge_takes_the_address_that_the_real_account_brings() -> None:
    desk = Desk()
    zoe = opened(desk)
    number = desk.opened(requester=zoe)
    heard = merge(desk, account("ann", email=EMAIL), zoe)
    assert desk.state.accounts["account:ann"].contact_email == EMAIL
    assert desk.ticket(number).contact_version == 1
    assert heard.events().count("account.contact_changed") == 2, "hers, and that zoe's is forgotten"
    assert codes(heard) == [], "who had it too is no more"


def test_a_merge_changes_no_address_while_a_ticket_is_open() -> None:
    desk = Desk()
    zoe = opened(desk)
    number = desk.opened(requester=zoe)
    desk.submit(account("ann", email="ann@example.org"), **OTHER)
    merge(desk, account("ann", email="new@example.org"), zoe)
    assert desk.state.accounts["account:ann"].contact_email == "ann@example.org"
    assert desk.ticket(number).contact_version == 1


@pytest.mark.parametrize("first", [0, 1], ids=["the temporary one confirmed first", "the real one confirmed first"])
def test_an_account_is_merged_into_one_that_it_is_one_person_with(first: int) -> None:
    desk = Desk()
    zoe, ann = opened(desk), account("ann", email=EMAIL)
    number = desk.opened(status="assigned", requester=zoe)
    desk.submit(ann, **OTHER)
    both = [zoe, ann]
    for each in (both[first], both[1 - first]):
        confirm(desk, each)
    before = desk.ticket(number)
    heard = merge(desk, ann, zoe)
    after = desk.ticket(number)
    assert (heard.type, heard.events().count("ticket.edited")) == ("command.accepted", 1)
    assert (after.status, after.merged_into, after.version) == ("assigned", None, before.version + 1)
    assert (after.requester.account, after.person) == ("account:ann", before.person)
    assert desk.reply(number, ann).type == "command.accepted"
    assert in_order(desk)


@pytest.mark.parametrize(
    ("email", "secret", "real", "code"),
    [
        (None, "right", account("ann"), "forbidden"),
        (EMAIL, "guess", account("ann"), "unauthenticated"),
        (EMAIL, "right", None, "forbidden"),
    ],
    ids=["without an address", "with a wrong secret", "into a temporary account"],
)
def test_what_cannot_be_merged_stays(email: str | None, secret: str, real: dict[str, Any] | None, code: str) -> None:
    desk = Desk()
    zoe = opened(desk, email)
    number = desk.opened(requester=zoe)
    before = desk.ticket(number)
    gone = temporary(zoe["temporary"]["account_id"], secret)
    assert merge(desk, real or opened(desk), gone).code == code
    assert desk.ticket(number) == before


def test_an_account_that_ended_earlier_in_the_same_turn_lets_nobody_in() -> None:
    desk = Desk()
    zoe = opened(desk)
    merge(desk, account("ann"), zoe)  # the secret was verified before the turn, and was right then
    assert desk.submit(zoe, **OTHER).code == "unauthenticated"


def test_what_was_merged_into_the_ticket_of_another_account_leads_nobody_there_after_it_left() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    confirm(desk, guest)
    confirm(desk, friend)
    number = desk.opened(status="assigned", requester=guest)
    goes_on = desk.opened(requester=friend, **OTHER)
    desk.agent("ticket.merge_into", number, to_number=goes_on)
    assert desk.reply(number, guest).ticket["number"] == goes_on, "one person yet"
    merge(desk, account("ann"), guest)
    before = desk.ticket(goes_on)
    assert desk.reply(number, account("ann")).code == "forbidden"
    assert desk.submit(account("ann"), refers_to=number).code == "forbidden"
    assert desk.ticket(goes_on) == before
    assert desk.reply(number, friend).code == "forbidden"
    assert desk.reply(goes_on, friend).type == "command.accepted"


def test_merging_twice_finds_no_account_any_more() -> None:
    desk = Desk()
    zoe = opened(desk)
    merge(desk, account("ann"), zoe)
    assert merge(desk, account("bob"), zoe).code == "unauthenticated"


def test_who_confirms_writes_all_who_may_confirm_too_so_that_two_at_once_conflict() -> None:
    desk, keys = Desk(), []
    for _ in range(3):
        keys.append(key_of(zoe := opened(desk)))
        desk.later(minutes=11)  # each is mailed a code
    before = [desk.state.accounts[key].version for key in keys]
    confirm(desk, zoe)
    assert [desk.state.accounts[key].version for key in keys] == [version + 1 for version in before]
