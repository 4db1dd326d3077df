"""No requester gets mail at the desk's own address, however it is written, nor where nobody reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.accounts import OpenTemporary
from contracts.payload import read as read_payload
from services.chassis.settings import WrongSettings, read
from services.notifications.domain.attempts import send_again
from services.notifications.domain.mailboxes import OWN, UNREAD, mailbox, why_never
from services.notifications.domain.state import Policy
from services.notifications.settings import NotificationSettings
from tests.unit.notifications.builders import DAY, NOW, Desk, a_contact_change, an_event

ENVIRONMENT = {
    "CASEBUS_AMQP": "amqp://u:p@host",
    "CASEBUS_MONGO": "mongodb://a",
    "CASEBUS_SMTP": "smtp://mail",
    "CASEBUS_SMTP_FROM": "Help desk <Help-Desk+out@casebus.example>",
    "CASEBUS_COMMUNITY_MANAGER": "manager@community.example",
    "CASEBUS_OWN_ADDRESSES": "support@casebus.example  hilfe@bücher.example",
}
OWN_MAILBOXES = read(NotificationSettings, ENVIRONMENT).own_mailboxes

WRITTEN = {
    "as it is": "help-desk@casebus.example",
    "in capitals": "HELP-DESK@CaseBus.Example",
    "with a tag": "help-desk+00001234@casebus.example",
    "with two tags": "help-desk+a+b@casebus.example",
    "with the tag that the desk itself has": "help-desk+out@casebus.example",
    "with an empty tag": "help-desk+@casebus.example",
    "with a dot at the end": "help-desk@casebus.example.",
    "in full-width letters": "ｈelp-desk@casebus.example",
    "the manager's": "Manager@community.example",
    "a further one": "support+x@casebus.example",
    "a domain in Unicode": "hilfe@BÜCHER.example",
    "a domain as the network writes it": "hilfe@xn--bcher-kva.example",
}
OTHERS = [
    "ada@example.org",
    "helpdesk@casebus.example",
    "help-desk@casebus.example.org",
    "help-desk@mail.casebus.example",
    "desk@casebus.example",
    "x+help-desk@casebus.example",
    "postmaster@example.org",
    "noreply.fan@example.org",
    "reply@example.org",
]


@pytest.mark.parametrize("address", WRITTEN.values(), ids=WRITTEN)
def test_no_requester_is_mailed_at_the_desks_own_address_however_it_is_written(address: str) -> None:
    read_payload(OpenTemporary, {"contact_email": address})
    desk = Desk(policy=Policy(own_mailboxes=OWN_MAILBOXES))
    desk.hear(a_contact_change(1, address, code="12345678"))
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW + DAY)
    assert {mail.kind: (mail.status, mail.reason) for mail in desk.mails()} == dict.fromkeys(
        ("contact_code", "receipt"), ("failed", OWN)
    )
    assert desk.attempts == []
    assert len(desk.told()) == 1, "the channel tells them"


@pytest.mark.parametrize(
    "local",
    ["MAILER-DAEMON", "mailer-daemon", "no-reply", "noreply", "No.Reply", "no_reply+1", "do-not-reply", "donotreply",
     "bounce", "bounces+ada=example.org"],
)  # fmt: skip
def test_nobody_is_mailed_where_nobody_reads(local: str) -> None:
    desk = Desk()
    desk.hear(a_contact_change(1, f"{local}@shop.example"))
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW + DAY)
    assert (desk.mail().status, desk.mail().reason, desk.attempts) == ("failed", UNREAD, [])


@pytest.mark.parametrize("address", OTHERS)
def test_anybody_else_is_mailed(address: str) -> None:
    assert why_never(address, OWN_MAILBOXES) is None


def test_sent_again_it_is_given_up_again_until_the_address_is_another() -> None:
    desk = Desk(policy=Policy(own_mailboxes=OWN_MAILBOXES))
    desk.hear(a_contact_change(1, "support@casebus.example"))
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW + DAY)
    for version, address, status in ((1, None, "failed"), (2, "ada@example.org", "sent")):
        if address:
            desk.hear(a_contact_change(version, address))
        again, timer = send_again(desk.mail(), desk.now)
        desk.deliveries[again.id], desk.timers[timer.id] = again, timer
        desk.let_time_pass(desk.now + DAY)
        assert desk.mail().status == status


def test_the_community_manager_is_mailed_as_such() -> None:
    desk = Desk(policy=Policy(has_manager=True, own_mailboxes=OWN_MAILBOXES))
    desk.hear(an_event("ticket.escalated"))
    desk.let_time_pass(NOW + DAY)
    assert [mail.status for mail in desk.mails() if mail.kind == "escalated_to_manager"] == ["sent"]


@given(st.from_regex("[a-z]([a-z.-]{0,8}[a-z])?", fullmatch=True), st.text("abcxyz0+-=", max_size=6), st.booleans())
def test_case_and_tag_make_no_difference(local: str, tag: str, capitals: bool) -> None:
    written = f"{local}+{tag}@casebus.example"
    assert mailbox(written.upper() if capitals else written) == mailbox(f"{local}@casebus.example")


@pytest.mark.parametrize("text", ["support", "support@casebus.example,help@casebus.example", "Help <help@a.example>"])
def test_further_addresses_have_to_be_addresses(text: str) -> None:
    with pytest.raises(WrongSettings, match="CASEBUS_OWN_ADDRESSES must be mail addresses"):
        read(NotificationSettings, {**ENVIRONMENT, "CASEBUS_OWN_ADDRESSES": text})
