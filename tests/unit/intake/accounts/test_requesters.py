"""Who may file, and at which address they are reached (docs/rules.md, "Who may file")."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.accounts import MergeAccounts, OpenTemporary
from contracts.payload import Payload, read
from contracts.tickets import Reply
from services.chassis.decision import Message
from services.intake.domain.accounts.caller import temporary_named
from services.intake.domain.accounts.in_one_turn import persons_to_be
from services.intake.domain.accounts.temporary import SECRET
from services.intake.domain.values.together import Together
from tests.unit.intake.desk import Desk, account, code_for, submission, temporary

OTHER = {"subject": "The app is slow", "body": "Every page takes a minute since yesterday evening."}


def addresses(heard: Any) -> list[tuple[str, int]]:
    """Address and version of each `account.contact_changed`."""
    return [
        (say.data["email"], say.data["contact_version"])
        for say in heard.decision.said
        if say.type == "account.contact_changed"
    ]


def test_a_temporary_account_is_opened_for_30_days_and_its_secret_is_nowhere() -> None:
    desk = Desk()
    heard = desk.send("account.open_temporary", {"display_name": "Zoe", "contact_email": "zoe@example.org"})
    assert heard.type == "account.temporary_opened"
    assert heard.data["expires_at"] == desk.now + timedelta(days=30)
    assert heard.events() == ["account.temporary_opened", "account.contact_changed"]
    assert addresses(heard) == [("zoe@example.org", 1)]
    assert heard.data["secret"] == SECRET, "it stands for the one that joins as it is published"
    stored = desk.state.accounts[f"temporary:{heard.data['account_id']}"]
    assert (stored.display_name, stored.secret_hash, stored.version) == ("Zoe", "hash", 1)


def test_a_temporary_account_needs_neither_name_nor_address() -> None:
    desk = Desk()
    heard = desk.send("account.open_temporary", {})
    assert heard.events() == ["account.temporary_opened"]
    id_ = heard.data["account_id"]
    desk.secrets.add((id_, "right"))
    opened = desk.submit(temporary(id_, "right"))
    assert opened.ticket["requester"] == {"id": id_, "kind": "temporary", "display_name": "Guest", "tier": "standard"}


def test_with_its_secret_a_temporary_account_files_replies_and_sees() -> None:
    desk = Desk()
    anns = desk.opened()
    id_ = desk.send("account.open_temporary", {"contact_email": "zoe@example.org"}).data["account_id"]
    desk.secrets.add((id_, "right"))
    zoe = temporary(id_, "right")
    opened = desk.submit(zoe)
    number = opened.ticket["number"]
    assert opened.ticket["contact_version"] == 1
    assert not addresses(opened)
    assert desk.reply(number, zoe).type == "command.accepted"
    assert desk.view(number, zoe).type == "ticket.viewed"
    assert desk.view(anns, zoe).code == desk.reply(anns, zoe).code == "forbidden", "and what is another's it does not"


@pytest.mark.parametrize("type_", ["ticket.submit", "ticket.reply", "ticket.accept_solution", "ticket.view"])
def test_a_wrong_secret_and_an_unknown_account_are_told_apart_by_nobody(type_: str) -> None:
    desk = Desk()
    id_ = desk.send("account.open_temporary", {}).data["account_id"]
    desk.secrets.add((id_, "right"))
    number = desk.opened(requester=temporary(id_, "right"))
    messages = set()
    for wrong in (temporary(id_, "wrong"), temporary("nobody", "right")):
        heard = desk.send(type_, {**submission(wrong), "number": number})
        assert (heard.type, heard.code) == ("command.rejected", "unauthenticated")
        assert not heard.decision.changes
        messages.add(heard.data["message"])
    assert len(messages) == 1


def test_after_too_many_wrong_secrets_the_sender_hears_when_to_try_again() -> None:
    desk = Desk()
    id_ = desk.send("account.open_temporary", {}).data["account_id"]
    until = desk.now + timedelta(seconds=40)
    desk.prepare(try_again_at={(id_, "right"): until})
    heard = desk.submit(temporary(id_, "right"))
    assert (heard.type, heard.code, heard.data["retry_at"]) == ("command.rejected", "rate_limited", until)


def test_a_channel_that_opens_too_many_accounts_hears_when_it_may_open_another() -> None:
    desk = Desk()
    until = desk.now + timedelta(seconds=7)
    desk.prepare(open_again_at={"web\x1fm1": until})
    heard = desk.send("account.open_temporary", {})
    assert (heard.type, heard.code, heard.data["retry_at"]) == ("command.rejected", "rate_limited", until)
    assert not heard.decision.changes
    assert desk.send("account.open_temporary", {}).type == "account.temporary_opened"


def test_an_account_and_a_temporary_account_of_one_id_are_two_persons() -> None:
    desk = Desk()
    id_ = desk.send("account.open_temporary", {}).data["account_id"]
    desk.secrets.add((id_, "right"))
    number = desk.opened(requester=temporary(id_, "right"))
    assert desk.view(number, account(id_)).code == "forbidden"


def test_an_address_is_announced_when_first_seen_and_when_it_changes() -> None:
    desk = Desk()
    assert not addresses(desk.submit(account(email=None)))
    number = desk.submit(account(), **OTHER).ticket["number"]
    first = desk.reply(number, account(email="ann@example.org"))
    assert addresses(first) == [("ann@example.org", 1)]
    assert first.ticket["contact_version"] == 1
    again = desk.reply(number, account(email="ann@example.org"))
    assert not addresses(again)
    assert again.ticket["contact_version"] == 1


def test_an_address_is_fixed_while_a_ticket_is_open() -> None:
    desk = Desk()
    number = desk.opened(requester=account(email="ann@example.org"), status="assigned")
    heard = desk.reply(number, account(email="new@example.org"), "Hello?")
    assert not addresses(heard)
    assert heard.ticket["contact_version"] == 1
    desk.agent("ticket.close", number)
    heard = desk.reply(number, account(email="new@example.org"), "Hello again")
    assert addresses(heard) == [("new@example.org", 2)]
    assert heard.ticket["contact_version"] == 2


def test_what_is_refused_or_only_prompted_changes_no_address() -> None:
    desk = Desk()
    desk.opened()
    mail = account(email="ann@example.org")
    heard = [
        desk.submit(mail, subject="My card does not arrive"),
        desk.submit(mail, category="gardening"),
        desk.reply("99999999", mail),
    ]
    assert [answer.type for answer in heard] == ["ticket.similar", "command.rejected", "command.rejected"]
    assert [addresses(answer) for answer in heard] == [[], [], []]
    assert [account.contact_email for account in desk.state.accounts.values()] == [None]


def test_an_event_about_a_ticket_carries_no_address() -> None:
    heard = Desk().submit(account(email="ann@example.org"))
    assert "ann@example.org" not in str(heard.event().data)
    assert "ann@example.org" not in str(heard.data)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (
            read(Reply, {"requester": temporary("t1", "right"), "number": "10000001", "body": "Hi"}).data,
            ("t1", "right"),
        ),
        (read(Reply, {"requester": account(), "number": "10000001", "body": "Hi"}).data, None),
        (read(MergeAccounts, {"requester": account(), **temporary("t2", "right")}).data, ("t2", "right")),
        (read(OpenTemporary, {}).data, None),
    ],
)
def test_the_secret_that_a_command_brings_is_verified_before_the_turn(
    data: Payload, named: tuple[str, str] | None
) -> None:
    secret = temporary_named(Message("m1", "ticket.reply", "web", data))
    assert (None if secret is None else (secret.account_id, secret.secret)) == named


def test_in_one_turn_an_account_may_become_any_person_who_confirms_its_address() -> None:
    desk = Desk()
    own, other, stranger = ("account:ann", "account:bob", "account:eve")
    for id_ in ("ann", "bob", "eve"):
        desk.submit(account(id_, email="both@example.org" if id_ != "eve" else "eve@example.org"))
    assert persons_to_be(desk.state, "account:nobody") == {"account:nobody"}
    assert persons_to_be(desk.state, own) == {own}
    desk.state.together = Together(frozenset({own}))
    assert persons_to_be(desk.state, own) == {own}, "the other has not confirmed it"
    desk.state.together = Together(frozenset({own, other, stranger}))
    assert persons_to_be(desk.state, own) == {own, other}
    desk.state.together = Together(frozenset({own}))
    desk.send("account.confirm_contact", {"requester": account("bob"), "code": code_for(other, 1)})
    assert persons_to_be(desk.state, own) == {own, other}
