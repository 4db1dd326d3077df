"""The circuit: a destination that is away is asked less and less often; and destinations share nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.headerregistry import Address
from typing import Any

from services.notifications.domain.attempts import OVERTIME, SendTimer
from services.notifications.domain.state import Delivery, Outcome, Policy
from services.notifications.lines import Circuit
from services.notifications.mailer import Mail, Mailer, Server
from services.notifications.senders import Senders
from services.notifications.webhooks import Poster, Request, Webhook
from tests.unit.notifications.builders import (
    ACCEPTED,
    DAY,
    DEFERRED,
    NOW,
    Desk,
    a_contact_change,
    an_event,
)

AWAY = Outcome("deferred", "timed out", away=True)
SECOND = timedelta(seconds=1)


def asked_at(circuit: Circuit, answers: dict[int, Outcome], seconds: int, default: Outcome) -> list[int]:
    """The seconds at which a destination is asked if something is to be sent each second."""
    asked = []
    for second in range(seconds):
        if circuit.refusal(NOW + second * SECOND) is None:
            asked.append(second)
            circuit.heard([answers.get(second, default)], NOW + second * SECOND)
    return asked


def test_a_destination_that_is_away_is_asked_less_and_less_often() -> None:
    assert asked_at(Circuit(), {}, 1300, AWAY) == [0, 5, 15, 35, 75, 155, 315, 615, 915, 1215]


def test_when_it_answers_it_is_asked_as_before() -> None:
    assert asked_at(Circuit(), {0: AWAY, 5: AWAY, 15: DEFERRED}, 20, ACCEPTED) == [0, 5, 15, 16, 17, 18, 19]


def test_one_that_answers_somebody_is_not_away() -> None:
    circuit = Circuit()
    circuit.heard([AWAY, DEFERRED, AWAY], NOW)
    assert circuit.refusal(NOW) is None


def test_that_it_is_away_is_said_once_until_it_has_answered() -> None:
    circuit, later = Circuit(), NOW + timedelta(hours=1)
    said = [circuit.heard([answer], later) for answer in (AWAY, AWAY, DEFERRED, AWAY)]
    assert said == ["timed out", None, None, "timed out"]


def test_what_is_not_asked_is_put_off_with_the_reason() -> None:
    circuit = Circuit()
    circuit.heard([AWAY], NOW)
    assert circuit.refusal(NOW + SECOND) == replace(AWAY, asked_again_at=NOW + 5 * SECOND)


def test_a_clock_that_was_set_back_leaves_no_destination_alone_for_longer() -> None:
    circuit = Circuit()
    circuit.heard([AWAY], NOW + timedelta(hours=3))
    assert circuit.refusal(NOW) is None
    assert asked_at(circuit, {}, 100, AWAY) == [0, 10, 30, 70], "it goes on as it would have"


# The last attempt


def mails_of_an_hour(count: int, server: Answering) -> Desk:
    """Mails that were to be sent within an hour, by a server that is away; after that hour."""
    desk, senders = Desk(policy=Policy(mail_give_up=timedelta(hours=1))), Senders(server, {})
    desk.server = lambda mail, _: senders.send([(mail, "ada@example.org")], desk.now)[mail.id]
    desk.hear(a_contact_change(1))
    desk.hear(*(an_event("ticket.opened", f"e{place}", contact_version=1) for place in range(count)))
    desk.let_time_pass(NOW + timedelta(hours=1))
    return desk


def test_what_the_circuit_puts_off_at_its_very_end_is_tried_when_it_asks_again() -> None:
    server = Answering(AWAY)
    desk = mails_of_an_hour(20, server)
    assert Counter(mail.status for mail in desk.mails()) == {"failed": 1, "pending": 19}, "one was asked at its end"
    server.outcome, server.tried = ACCEPTED, []
    desk.let_time_pass(NOW + timedelta(hours=1) + Circuit.LONGEST)
    assert Counter(mail.status for mail in desk.mails()) == {"failed": 1, "sent": 19}
    assert len(server.tried) == 19


def test_if_it_is_still_away_then_all_are_given_up_and_it_is_asked_once() -> None:
    server = Answering(AWAY)
    desk = mails_of_an_hour(20, server)
    server.tried = []
    desk.let_time_pass(NOW + timedelta(hours=1) + Circuit.LONGEST)
    assert {mail.status for mail in desk.mails()} == {"failed"}
    assert (len(server.tried), len(desk.announced("notification.failed"))) == (1, 20)
    assert not any(isinstance(arm.timer, SendTimer) for arm in desk.timers.values())


def test_nothing_waits_for_its_destination_longer_than_one_is_left_alone() -> None:
    """Whatever is heard of it: several instances each have their own circuit."""
    desk = Desk(policy=Policy(mail_give_up=timedelta(hours=1)))
    desk.server = lambda *_: replace(AWAY, asked_again_at=desk.now + 100 * SECOND)
    desk.hear(a_contact_change(1))
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW + DAY)
    overtime = [moment - NOW for moment, *_ in desk.attempts if moment - NOW > timedelta(hours=1)]
    assert overtime == [timedelta(hours=1, seconds=seconds) for seconds in (100, 200, 300)]
    assert desk.mail().status == "failed"
    assert OVERTIME >= Circuit.LONGEST


# Destinations


class Answering(Mailer):
    """A mail server that answers so."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(Server("127.0.0.1", 1, "when-offered"), Address("", "desk", "example.org"))
        self.outcome = outcome
        self.tried: list[Mail] = []

    def send(self, mails: Sequence[Mail]) -> dict[str, Outcome]:
        self.tried += mails
        return {mail.id: self.outcome for mail in mails}


class Called(Poster):
    """A webhook that answers so."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(Webhook("crm", "https://crm.example/", frozenset(), ()))
        self.outcome = outcome
        self.tried: list[Request] = []

    def send(self, requests: Sequence[Request], now: datetime) -> dict[str, Outcome]:
        self.tried += requests
        return {request.id: self.outcome for request in requests}


def a_delivery(id_: str, **more: Any) -> Delivery:
    values: dict[str, Any] = {"kind": "receipt", "recipient": "r1", "channel": "email", "person": "account:r1", **more}
    return Delivery(id_, "e1", number="00000042", status="pending", created_at=NOW, title="T", text="B", **values)


def a_request(id_: str, name: str = "crm") -> Delivery:
    return a_delivery(id_, channel="webhook", recipient=name, person="")


def test_one_destination_that_is_away_leaves_the_others_as_they_are() -> None:
    mailer, dead, well = Answering(ACCEPTED), Called(AWAY), Called(ACCEPTED)
    senders = Senders(mailer, {"dead": dead, "crm": well})
    for second in range(4):
        batch = [(a_delivery(f"m{second}"), "a@b.example"), (a_request(f"d{second}", "dead"), None)]
        outcomes = senders.send([*batch, (a_request(f"c{second}"), None)], NOW + second * SECOND)
        left_alone = replace(AWAY, asked_again_at=NOW + 5 * SECOND) if second else AWAY
        assert outcomes == {f"m{second}": ACCEPTED, f"d{second}": left_alone, f"c{second}": ACCEPTED}
    assert (len(mailer.tried), len(dead.tried), len(well.tried)) == (4, 1, 4)


def test_a_webhook_that_is_not_in_this_instances_file_is_left_to_one_that_has_it() -> None:
    outcomes = Senders(Answering(ACCEPTED), {}).send([(a_request("c1"), None)], NOW)
    assert outcomes == {"c1": Outcome("deferred", "there is no such webhook in the file")}


def test_the_community_managers_mail_goes_to_the_address_of_the_settings() -> None:
    mailer = Answering(ACCEPTED)
    escalated = a_delivery("m1", kind="escalated_to_manager", recipient="community-manager", person="")
    Senders(mailer, {}, "boss@example.org").send([(escalated, None)], NOW)
    assert [mail.to for mail in mailer.tried] == ["boss@example.org"]


def test_a_receipt_says_that_it_answers() -> None:
    mailer = Answering(ACCEPTED)
    kinds = {"m1": "receipt", "m2": "reopened", "m3": "closed", "m4": "solution_suggested"}
    Senders(mailer, {}).send([(a_delivery(id_, kind=kind), "a@b.example") for id_, kind in kinds.items()], NOW)
    assert [mail.answers for mail in mailer.tried] == [True, True, False, False]
