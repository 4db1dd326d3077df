"""Messages that machines wrote: noted, never reopening, moving no clock, and never answered by a mail of the desk."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts import registry
from contracts.file_forms import AttachmentContent, Sent
from contracts.names import EVENTS
from contracts.payload import stored
from contracts.statuses import Status
from services.chassis.decision import Message
from services.intake.domain.abuse.automatic import words_of
from services.intake.domain.values.limits import USUAL
from services.notifications.domain.state import Policy
from services.notifications.domain.telling import owed
from tests.unit.intake.desk import Desk, Heard, account

OPEN: tuple[Status, ...] = (
    "new", "assigned", "work_in_progress", "needs_reply", "need_more_info", "solution_suggested", "reopened",
)  # fmt: skip
AWAY = "I am out of office until Monday. For urgent matters please write to my colleague."
CLOCKS = ("status", "status_since", "status_version", "last_customer_message_at", "reopen_count", "closed_at", "agent")


def mailed(heard: Heard) -> list[str]:
    """The kinds of mails that go to requesters, by what was said."""
    events = [say for say in heard.decision.said if say.exchange == EVENTS and say.type.startswith("ticket.")]
    messages: list[Message[Any]] = [
        Message("e", event.type, "intake", stored(registry.TYPES["event", event.type].data, event.data))
        for event in events
    ]
    return [mail.kind for event in messages for mail in owed(event, Policy()) if mail.channel == "email"]


def attachment(content: bytes) -> dict[str, Any]:
    return {"name": "log.txt", "media_type": "text/plain", "content": b64encode(content).decode()}


def unmoved(desk: Desk, number: str, before: Any) -> None:
    after = desk.ticket(number)
    assert {name: getattr(after, name) for name in CLOCKS} == {name: getattr(before, name) for name in CLOCKS}


@pytest.mark.parametrize("status", [*OPEN, "closed"])
def test_a_marked_reply_is_noted_and_moves_nothing(status: Status) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    before = desk.ticket(number)
    desk.later(days=6)
    heard = desk.reply(number, body=AWAY, automatic=True)
    assert (heard.type, heard.events(), heard.to_agents()) == ("command.accepted", ["ticket.note_added"], [])
    entry = heard.event().data["entry"]
    assert (entry["automatic"], entry["visibility"], entry["text"]) == (True, "public", AWAY)
    assert desk.ticket(number).version == before.version + 1
    assert not mailed(heard)
    unmoved(desk, number, before)


def test_a_marked_reply_to_a_ticket_closed_for_long_is_noted_without_an_answer_for_a_person() -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    desk.later(days=30)
    heard = desk.reply(number, body=AWAY, automatic=True)
    assert (heard.type, heard.ticket["status"]) == ("command.accepted", "closed")
    assert desk.reply(number, body="I am back").code == "closed_too_long"


def test_a_marked_reply_to_a_merged_ticket_is_noted_on_the_one_that_goes_on() -> None:
    desk = Desk()
    first, second = desk.opened(status="assigned", issue_key="a"), desk.opened(status="assigned", issue_key="b")
    desk.agent("ticket.merge_into", first, to_number=second)
    before = desk.ticket(second)
    heard = desk.reply(first, body=AWAY, automatic=True)
    assert heard.ticket["number"] == second
    unmoved(desk, second, before)


def test_a_marked_reply_to_a_closed_ticket_whose_issue_is_open_again_is_noted_there() -> None:
    desk = Desk()
    closed = desk.opened(status="closed", issue_key="a")
    again = desk.opened(status="solution_suggested", issue_key="a")
    before = desk.ticket(again)
    heard = desk.reply(closed, body=AWAY, automatic=True)
    assert (heard.type, heard.ticket["number"]) == ("ticket.duplicate", again)
    unmoved(desk, again, before)


@pytest.mark.parametrize("days", [1, 30])
def test_a_marked_submission_that_names_a_closed_ticket_is_noted_and_leaves_it_closed(days: int) -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    before = desk.ticket(number)
    desk.later(days=days)
    heard = desk.submit(subject="Out of office", body=AWAY, refers_to=number, automatic=True)
    assert (heard.type, heard.events(), heard.ticket["status"]) == ("ticket.duplicate", ["ticket.note_added"], "closed")
    assert not mailed(heard)
    unmoved(desk, number, before)


def test_a_marked_submission_of_an_open_issue_is_noted_on_it() -> None:
    desk = Desk()
    number = desk.opened(status="need_more_info")
    before = desk.ticket(number)
    heard = desk.submit(body=AWAY, automatic=True)
    assert (heard.type, heard.ticket["number"]) == ("ticket.duplicate", number)
    unmoved(desk, number, before)


def test_a_machines_submission_is_filed_and_no_mail_answers_it() -> None:
    """What watches over a machine may have something to say; nobody asks it which of two similar issues it means."""
    desk = Desk()
    desk.opened()
    heard = desk.submit(subject="My card does not arrive", automatic=True)
    assert (heard.type, heard.ticket["automatic"]) == ("ticket.opened", True)
    assert not mailed(heard)
    number = heard.ticket["number"]
    assert not mailed(desk.assign(number))
    assert mailed(desk.agent("ticket.suggest_solution", number)) == ["solution_suggested"], "an agent wrote it"
    assert not mailed(desk.accept(number))


def test_once_a_person_has_written_the_ticket_is_no_machines() -> None:
    desk = Desk()
    number = desk.submit(automatic=True).ticket["number"]
    assert "automatic" not in desk.reply(number, body="It is me").ticket
    assert mailed(desk.assign(number)) == ["assigned"]


def test_automatic_may_be_said_to_be_false() -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    assert desk.reply(number, automatic=False).type == "ticket.reopened"


SAME = [
    AWAY,
    AWAY.upper(),
    AWAY.replace(". ", "\n\n!  "),
    f"{AWAY}\n> Your case is closed.\n> Number 10000001",
    f"\u200b{AWAY}\ufeff",
]


@pytest.mark.parametrize("again", SAME)
def test_what_repeats_the_last_message_opens_no_closed_ticket(again: str) -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    assert desk.reply(number, body=AWAY).type == "ticket.reopened", "nobody has said so: it may be a person"
    desk.agent("ticket.close", number)
    before = desk.ticket(number)
    heard = desk.reply(number, body=again)
    assert (heard.type, heard.ticket["status"]) == ("command.accepted", "closed")
    assert "other words" in heard.data["hints"]["body"][0], "should it be a person, they learn what to do"
    assert not mailed(heard)
    unmoved(desk, number, before)
    assert desk.reply(number, body="No, really, it is not solved.").type == "ticket.reopened"


@pytest.mark.parametrize("clock", ["at 14:03:22", "on 2026-11-29", "on 29.11.2026", "on 11/29/26 at 9:15"])
def test_a_time_in_it_makes_no_other_message(clock: str) -> None:
    assert saying(f"Received {clock}. {AWAY}") == saying(f"Received {clock.translate(digits_on())}. {AWAY}")
    assert saying("My order is 4711.") != saying("My order is 4712.")


def saying(body: str, *files: Sent) -> str:
    return words_of(body, files)


def digits_on() -> dict[int, int]:
    return str.maketrans("0123456789", "1234567890")


def test_the_same_words_with_another_file_are_another_message() -> None:
    first, second = (AttachmentContent(name=name, content=b"123") for name in ("1.png", "2.png"))
    as_large = AttachmentContent(name="1.png", content=b"321")
    assert saying("Here it is", first) == saying("here it is!", first)
    others = [saying("Here it is", *files) for files in ([], [first], [second], [as_large], [first, second])]
    assert len(set(others)) == len(others)


def test_files_without_words_are_told_apart_and_nothing_repeats_nothing() -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    for content in (b"one", b"another"):
        heard = desk.reply(number, body="", attachments=[attachment(content)])
        assert heard.type == "ticket.reopened"
        desk.agent("ticket.close", number)
    assert saying("") == ""


def test_who_asks_twice_may_be_a_person_and_is_heard() -> None:
    desk = Desk()
    number = desk.opened(status="solution_suggested")
    assert desk.reply(number, body="Any news?").ticket["status"] == "needs_reply"
    desk.agent("ticket.suggest_solution", number)
    heard = desk.reply(number, body="any news")
    assert (heard.events(), heard.ticket["status"]) == (["ticket.note_added"], "needs_reply")
    assert heard.to_agents() == ["agent.a1.ticket.customer_replied"]
    before = desk.ticket(number)
    heard = desk.reply(number, body="Any news??")
    assert (heard.events(), heard.to_agents()) == (["ticket.note_added"], [])
    assert heard.event().data["entry"]["automatic"]
    unmoved(desk, number, before)


@pytest.mark.parametrize("asks", ["ticket.ask_info", "ticket.suggest_solution"])
@pytest.mark.parametrize("answer", ["Yes.", "no", "Done!", "It still does not work."])
def test_the_same_short_answer_to_several_questions_is_heard(asks: str, answer: str) -> None:
    """Otherwise the ticket would wait for an answer that came, and close for lack of it."""
    desk = Desk()
    number = desk.opened(status="assigned")
    for _ in range(5):
        desk.agent(asks, number)
        desk.later(minutes=5)
        heard = desk.reply(number, body=answer)
        assert (heard.ticket["status"], heard.to_agents()) == ("needs_reply", ["agent.a1.ticket.customer_replied"])
    desk.agent(asks, number)
    before = desk.ticket(number)
    heard = desk.reply(number, body=answer)
    assert "other words" in heard.data["hints"]["body"][0]
    unmoved(desk, number, before)


@pytest.mark.parametrize("status", ["open", "closed"])
def test_who_submits_the_same_again_learns_that_it_was_only_noted(status: str) -> None:
    desk = Desk()
    number = desk.opened()
    for _ in range(2):
        assert "hints" not in desk.submit(body="Any news?").data
    if status == "closed":
        desk.assign(number)
        desk.agent("ticket.close", number)
    heard = desk.submit(body="Any news?", refers_to=number)
    assert (heard.type, heard.event().data["entry"]["automatic"]) == ("ticket.duplicate", True)
    assert "other words" in heard.data["hints"]["body"][0]
    assert "hints" not in desk.submit(body=AWAY, refers_to=number, automatic=True).data


def test_repeats_may_be_switched_off() -> None:
    desk = Desk(limits=replace(USUAL, repeat=timedelta(0)))
    number = desk.opened(status="need_more_info")
    for _ in range(4):
        assert desk.reply(number, body="Yes").events() == ["ticket.customer_replied"], "all at the same moment"


def test_the_words_that_were_filed_do_not_count_as_said_before() -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    heard = desk.reply(number, body="I ordered my card two weeks ago and it is not here.")
    assert heard.type == "ticket.reopened"


def test_after_other_words_or_a_long_time_nothing_repeats() -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    for body in ("Not yet.", "Still not.", "Not yet."):
        assert desk.reply(number, body=body).type == "ticket.reopened"
        desk.agent("ticket.close", number)
    desk.later(hours=72)
    assert desk.reply(number, body="Not yet.").ticket["status"] == "closed"
    desk.later(hours=72, milliseconds=1)
    assert desk.reply(number, body="Not yet.").type == "ticket.reopened"


def test_a_third_new_ticket_of_the_same_words_is_not_answered_by_mail() -> None:
    """A machine that answers the receipt with a new mail, whose subject has the number of the case."""
    desk = Desk()
    answers = [
        desk.submit(subject=f"Out of office: case {number}", body=AWAY, issue_key=f"mail-{number}")
        for number in range(5)
    ]
    assert {heard.type for heard in answers} == {"ticket.opened"}
    assert [mailed(heard) for heard in answers] == [["receipt"], ["receipt"], [], [], []]


def test_what_closed_more_than_an_hour_ago_does_not_count_whatever_the_turn_has_read_besides() -> None:
    """A merge of accounts in the same turn reads it; a submission that is alone does not."""
    desk = Desk()
    for number in range(2):
        desk.opened(status="closed", body=AWAY, issue_key=f"mail-{number}")
    desk.later(hours=2)
    assert mailed(desk.submit(body=AWAY, issue_key="mail-2")) == ["receipt"]


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("closes", ["ticket.close", "ticket.suggest_solution"])
def test_the_desk_and_an_out_of_office_reply_do_not_talk_for_ever(marked: bool, closes: str) -> None:
    """The worst case: an agent's tool that closes, or answers, whatever is reopened or comes, against a machine that
    answers each mail."""
    desk = Desk()
    number = desk.opened(status="assigned")
    mails = mailed(desk.agent(closes, number))
    sent = len(mails)
    rounds = 0
    while mails:
        rounds += 1
        desk.later(minutes=1)
        heard = desk.reply(number, body=AWAY, automatic=marked)
        mails = mailed(heard)
        if heard.ticket["status"] in ("reopened", "needs_reply"):
            mails += mailed(desk.agent(closes, number))
        sent += len(mails)
        assert rounds < 8, "they talk for ever"
    assert sent <= (1 if marked else 6)


# Limits


def texts(count: int) -> list[str]:
    return [f"Message {number}" for number in range(count)]


def test_a_ticket_takes_so_many_messages_in_an_hour() -> None:
    desk = Desk(limits=USUAL)
    number = desk.opened(status="assigned")
    began = desk.now
    for text in texts(59):
        assert desk.reply(number, body=text).type == "command.accepted"
        desk.later(seconds=30)
    for heard in (
        desk.reply(number, body="One more"),
        desk.submit(body="Or a note"),
        desk.reply(number, body="By a machine", automatic=True),
        desk.requester("ticket.edit", number, body="Or other words"),
        desk.requester("ticket.change_agent", number, reason="Or somebody else"),
    ):
        assert (heard.code, heard.data["retry_at"]) == ("rate_limited", began + timedelta(hours=1))
        assert not heard.decision.said
    assert desk.ticket(number).version == 61, "filed, assigned, 59 replies"
    assert desk.accept(number).type == "command.accepted", "closing is never too much"


def test_after_the_hour_it_takes_messages_again() -> None:
    desk = Desk(limits=USUAL)
    number = desk.opened(status="assigned")
    for text in texts(59):
        desk.reply(number, body=text)
    desk.later(minutes=59, seconds=59)
    assert desk.reply(number, body="One more").code == "rate_limited"
    desk.later(seconds=1)
    assert desk.reply(number, body="One more").type == "command.accepted"
    desk.later(hours=-2)
    assert desk.reply(number, body="By a clock that was set back").type == "command.accepted"


def test_a_requester_writes_so_much_in_an_hour_to_all_tickets_together() -> None:
    desk = Desk(limits=USUAL)
    began = desk.now
    numbers = [desk.opened(issue_key=f"i{place}") for place in range(60)]
    for place, number in enumerate(numbers):
        assert desk.reply(number, body=f"Message {place}").type == "command.accepted"
    for heard in (desk.submit(issue_key="another"), desk.reply(numbers[0], body="One more")):
        assert (heard.code, heard.data["retry_at"]) == ("rate_limited", began + timedelta(hours=1))
    assert desk.submit(account("bob")).type == "ticket.opened", "others may"
    desk.later(hours=1)
    assert desk.submit(issue_key="another").type == "ticket.opened"


def test_filing_and_closing_again_and_again_counts_too() -> None:
    desk = Desk(limits=USUAL)
    for place in range(120):
        number = desk.submit(issue_key=f"i{place}").ticket["number"]
        desk.accept(number)
    assert desk.submit(issue_key="one more").code == "rate_limited"


def test_what_is_only_asked_back_counts_too() -> None:
    """A mail channel asks by mail: two machines could go on like this forever."""
    desk = Desk(limits=USUAL)
    desk.opened()
    heard = [desk.submit(subject="My card does not arrive") for _ in range(120)]
    assert {answer.type for answer in heard[:119]} == {"ticket.similar"}
    assert heard[119].code == "rate_limited"


def test_several_accounts_of_one_person_count_as_one() -> None:
    desk = Desk(limits=USUAL)
    for name in ("ann", "bob"):
        mail = account(name, email="zoe@example.org")
        desk.submit(mail, issue_key=name)
    for name in ("ann", "bob"):
        desk.later(minutes=30)
        desk.send("account.confirm_contact", {"requester": account(name)})
        desk.send("account.confirm_contact", {"requester": account(name), "code": f"account:{name}/1"})
    assert desk.state.accounts["account:bob"].person == "account:ann"
    desk.later(hours=2)
    for place in range(60):
        assert desk.submit(account("ann"), issue_key=f"a{place}").type == "ticket.opened"
        assert desk.submit(account("bob"), issue_key=f"b{place}").type == "ticket.opened"
    assert desk.submit(account("bob"), issue_key="one more").code == "rate_limited"


def test_who_writes_once_an_hour_has_no_account_stored() -> None:
    """That would cost every submission one more write."""
    desk = Desk(limits=USUAL)
    desk.submit()
    assert not desk.state.accounts


@pytest.mark.parametrize(("automatic", "count"), [(True, 1), (False, 0)])
def test_the_account_records_the_first_message_of_a_machine_and_the_ticket_that_of_a_person(
    automatic: bool, count: int
) -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    desk.later(hours=2)
    desk.reply(number, automatic=automatic)
    known = desk.state.accounts.get("account:ann")
    assert (0 if known is None else known.wrote) == count
