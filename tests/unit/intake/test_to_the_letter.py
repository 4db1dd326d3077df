"""What intake says to people, to the letter: every refusal with its sentence and its fields, and every note.

Other tests look at codes; here are the words.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.notifications import SWITCHABLE_KINDS
from contracts.staff import Staff
from services.chassis.decision import Message
from services.intake.domain.decide import decide
from services.intake.domain.values.agent import KnownAgent
from services.intake.domain.values.erasure import Erasure
from services.intake.domain.values.file import Contradicted, Harmful, TooMany, Unfit, archives_of
from services.intake.domain.values.limits import Limits
from tests.unit.intake.accounts.test_persons import EMAIL, confirm, key_of, merge, opened
from tests.unit.intake.agents.test_supervisors import EVERYBODY, as_lead, staffed
from tests.unit.intake.attachments.test_attachments import WORDS, attachment, by_reference
from tests.unit.intake.attachments.test_rotation import desk_with, rotate
from tests.unit.intake.attachments.test_scanning import fire, quarantined
from tests.unit.intake.desk import MORNING, Desk, Heard, account, temporary

OTHER: dict[str, Any] = {
    "subject": "The app is slow",
    "body": "Every page takes a minute since yesterday.",
    "issue_key": "slow",
}

Refusal = tuple[str, str, dict[str, list[str]]]


def refused(heard: Heard) -> Refusal:
    """The code of a refusal, its sentence, and the fields that are wrong."""
    assert heard.type == "command.rejected"
    assert not heard.decision.changes
    return heard.data["code"], heard.data["message"], heard.data.get("errors", {})


def forbidden(sentence: str, **errors: str) -> Refusal:
    return "forbidden", sentence, {field: [fault] for field, fault in errors.items()}


def wrong_status(sentence: str) -> Refusal:
    return "wrong_status", sentence, {}


def conflict(sentence: str) -> Refusal:
    return "conflict", sentence, {}


def invalid(**errors: str) -> Refusal:
    """One fault for each field, and the sentence that names the fields."""
    faults = {field.replace("__", "."): [fault] for field, fault in errors.items()}
    return "invalid", f"Please correct: {', '.join(sorted(faults))}.", faults


def said(desk: Desk, number: str) -> str:
    """The text of the ticket's newest entry."""
    return desk.state.history(desk.ticket(number))[-1].text


# Who may come in


def test_who_may_not_speak_for_a_requester_reads_why() -> None:
    desk = Desk()
    number = desk.opened()
    asked = {"requester": account(), "number": number, "body": "Hello?"}
    assert refused(desk.send("ticket.reply", asked, "agent.a1")) == forbidden(
        "Only channels may speak for requesters.", requester="must come from a channel"
    )
    assert refused(desk.send("ticket.escalate", {"number": number, "moderator": {"id": "m1"}}, "agent.a1")) == (
        forbidden("Only channels may speak for requesters.", requester="must come from a channel")
    )
    assert refused(desk.reply(number, account("bob"))) == forbidden("This is somebody else's case.")
    assert refused(desk.reply("99999999")) == ("unknown_ticket", "There is no case 99999999.", {})
    stranger = desk.reply(number, temporary("t1", "wrong"))
    assert refused(stranger) == ("unauthenticated", "The temporary account or its secret is not right.", {})
    desk.prepare(try_again_at={("t1", "wrong"): desk.now})
    assert refused(desk.reply(number, temporary("t1", "wrong"))) == (
        "rate_limited",
        "There were too many attempts. Please try again later.",
        {},
    )


def test_an_agent_who_may_not_act_reads_why() -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened(status="assigned")
    assert refused(desk.send("ticket.close", {"agent_id": "a1", "number": number, "reason": "done"}, "agent.a2")) == (
        forbidden("An agent may only act in their own name.", agent_id="is not the sender's")
    )
    assert refused(desk.agent("ticket.close", number, "a9")) == forbidden(
        "Agent a9 is not among the staff of this desk."
    )
    assert refused(desk.agent("ticket.start_work", number, "a2")) == forbidden(
        "Only the agent who has this case may do that."
    )
    assert refused(desk.agent("ticket.take_away", number, "a1")) == forbidden(
        "Only supervisors of the team that has this case may do that."
    )
    desk.state.agents["a2"] = KnownAgent("a2", "A2", ("safety",))
    assert refused(desk.agent("ticket.add_note", number, "a2")) == forbidden(
        "Only agents who have this case, or could be given it, may do that."
    )
    stale = desk.ticket(number).version - 1
    assert refused(desk.agent("ticket.start_work", number, expected_version=stale)) == conflict(
        f"The case is at version {stale + 1} now."
    )


def test_who_names_an_account_and_is_not_the_operator_reads_why() -> None:
    desk = Desk()
    named = {"account": {"kind": "account", "account_id": "ann"}}
    assert refused(desk.send("account.erase", named)) == forbidden(
        "Only the operator may name an account.", account="only the operator may give it"
    )
    assert refused(desk.send("account.erase", named, "operator")) == invalid(
        account="The desk keeps nothing about this account."
    )


# Tickets


def test_a_submission_that_the_catalogue_does_not_fit_reads_what_is_wrong() -> None:
    desk = Desk()
    assert refused(desk.submit(category="cats")) == (
        "unknown_category",
        "There is no category cats.",
        {"category": ["not in the catalogue"]},
    )
    assert refused(desk.submit(subcategory="cats")) == invalid(subcategory="Billing has no subcategory cats.")
    answers = {"order": 5, "amount": "5", "paid-by": "cheque", "seen-on": "2026-W13-2"}
    _, _, faults = refused(desk.submit(fields=answers))
    assert faults == {
        "fields.order": ["Must be text."],
        "fields.amount": ["Must be a number."],
        "fields.paid-by": ["Must be one of: card, cash."],
        "fields.seen-on": ["Must be a date such as 2026-03-31."],
    }
    assert refused(desk.submit(category="safety")) == invalid(fields__order="Which order? must be answered.")


def test_a_command_that_the_status_rules_out_reads_why() -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    assert refused(desk.agent("ticket.start_work", number)) == wrong_status(
        "This cannot be done while the case is closed."
    )
    other = desk.opened(status="need_more_info", **OTHER)
    assert refused(desk.agent("ticket.start_work", other)) == wrong_status(
        "This cannot be done while the case is need more info."
    )
    assert refused(desk.requester("ticket.answer_consent", other, granted=True)) == wrong_status(
        "Nobody is asking for permission to log in to your account."
    )
    desk.later(days=8)
    too_long = "This case has been closed for more than 7 days. Please create a new case by clicking on Submit a Case."
    assert refused(desk.reply(number)) == ("closed_too_long", too_long, {})
    assert refused(desk.auto_close(other, 1)) == conflict("The case has moved on since the solution was suggested.")


def test_an_escalation_that_comes_at_the_wrong_time_reads_why() -> None:
    desk = Desk()
    number = desk.opened()
    wait: Refusal = ("too_early", "The desk still has time to reply to this case. You can escalate it after that.", {})
    assert refused(desk.requester("ticket.escalate", number)) == wait
    desk.armed(number, desk.now + timedelta(hours=1))
    later = desk.requester("ticket.escalate", number)
    assert (refused(later), later.data["eligible_at"]) == (wait, desk.now + timedelta(hours=1))
    desk.later(hours=1)
    assert desk.requester("ticket.escalate", number).type == "command.accepted"
    assert refused(desk.requester("ticket.escalate", number)) == wrong_status("This case is already escalated.")
    answered = desk.opened(status="solution_suggested", **OTHER)
    assert refused(desk.requester("ticket.escalate", answered)) == wrong_status(
        "The desk has answered; it is the requester's turn."
    )


def test_a_correction_that_changes_nothing_reads_why() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    words = "Give a new subject, a new body, or both."
    assert refused(desk.requester("ticket.edit", number)) == invalid(subject=words, body=words)
    assert refused(desk.requester("ticket.edit", number, subject=desk.ticket(number).subject)) == invalid(
        subject="It is the same as before."
    )
    assert refused(desk.agent("ticket.reclassify", number, category="billing")) == invalid(
        category="The case already has this category and subcategory."
    )
    assert refused(desk.agent("ticket.reclassify", number, category="billing", subcategory="cats")) == invalid(
        subcategory="Billing has no subcategory cats."
    )
    technical = desk.opened(category="technical", distinct_from=[number])
    assert refused(desk.agent("ticket.reclassify", number, category="technical")) == conflict(
        f"With this category it would be the same issue as case {technical}. You can merge the two."
    )


def test_what_cannot_be_joined_reads_why() -> None:
    desk = Desk()
    number, closed = desk.opened(status="assigned"), desk.opened(status="closed", **OTHER)
    bobs = desk.opened(requester=account("bob"))
    assert refused(desk.agent("ticket.link", number)) == invalid(to_number="Name the other case.")
    assert refused(desk.agent("ticket.link", number, to_number=number)) == invalid(
        to_number="This is the same case. Name another."
    )
    assert refused(desk.agent("ticket.link", number, to_number="99999999")) == (
        "unknown_ticket",
        "There is no case 99999999.",
        {},
    )
    assert desk.agent("ticket.link", number, to_number=closed).type == "command.accepted"
    assert refused(desk.agent("ticket.link", number, to_number=closed)) == conflict(
        f"The case is already linked with case {closed}."
    )
    assert refused(desk.agent("ticket.merge_into", number, to_number=bobs)) == forbidden(
        "Only cases of the same requester can be merged."
    )
    assert refused(desk.agent("ticket.merge_into", number, to_number=closed)) == wrong_status(
        f"Case {closed} is closed; nothing can be merged into it."
    )


def test_whoever_asks_for_a_part_between_two_versions_reads_what_to_give() -> None:
    desk = Desk()
    words = "Give one of before and after, or neither."
    assert refused(desk.requester("ticket.view", desk.opened(), before=3, after=1)) == invalid(
        before=words, after=words
    )


def test_an_entry_about_a_change_without_words_has_no_text() -> None:
    desk = staffed(*EVERYBODY)
    number, other = desk.opened(status="assigned"), desk.opened(status="assigned", **OTHER)
    bystander = desk.opened(category="technical", distinct_from=[number, other])
    desk.agent("ticket.start_work", number)
    desk.requester("ticket.edit", number, body="It came.")
    desk.agent("ticket.reclassify", number, category="billing", subcategory="card")
    desk.agent("ticket.link", number, to_number=other)
    desk.agent("ticket.ask_consent", number)
    desk.requester("ticket.answer_consent", number, granted=False)
    desk.armed(number, desk.now)
    desk.requester("ticket.escalate", number)
    desk.agent("ticket.merge_into", number, to_number=other)
    desk.accept(other)
    desk.put(bystander, burst="b")
    as_lead(desk, "ticket.release", bystander)
    texts = {
        entry.kind: entry.text
        for each in (number, other, bystander)
        for entry in desk.state.history(desk.ticket(each))
        if entry.kind not in ("opened", "assigned", "consent_requested")
    }
    without = "work_started edited reclassified linked consent_answered escalated merged closed released"
    assert texts == dict.fromkeys(without.split(), "")


@pytest.mark.parametrize("status", ["new", "assigned", "closed"])
@pytest.mark.parametrize("automatic", [True, False])
def test_whatever_a_submission_becomes_its_entry_has_the_answers_and_the_ticket_that_it_named(
    status: str, automatic: bool
) -> None:
    desk = Desk()
    earlier = desk.opened(status=status)
    heard = desk.submit(refers_to=earlier, fields={"order": "o1"}, automatic=automatic)
    details = desk.state.history(desk.ticket(heard.ticket["number"]))[-1].details
    assert (details.fields, details.refers_to, details.automatic) == ({"order": "o1"}, earlier, automatic)


# Agents


def test_an_assignment_that_comes_too_late_reads_why() -> None:
    desk = Desk()
    number = desk.opened()
    assert refused(desk.assign(number, valid_until=(desk.now - timedelta(seconds=1)).isoformat())) == conflict(
        "The agent's place for this case is no longer reserved."
    )
    assert refused(desk.unassign(number)) == conflict("That agent no longer has the case.")
    assert refused(desk.requester("ticket.change_agent", number, reason="Slow")) == wrong_status(
        "No agent has this case yet."
    )
    desk.assign(number)
    assert refused(desk.assign(number, "a2")) == conflict("The case is not waiting for this assignment.")
    desk.put(number, agent=None, burst="b")
    assert refused(desk.assign(number, "a2")) == conflict("The case is held until a supervisor releases it.")


def test_why_an_agent_cannot_be_given_a_ticket_is_said() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    known = desk.state.agents
    known["off"] = replace(known["a2"], id="off", signed_on=False)
    known["paused"] = replace(known["a2"], id="paused", paused=True)
    known["other"] = replace(known["a2"], id="other", skills=("safety",))
    desk.put(number, requester_left="a3")
    for agent, sentence in (
        ("a1", "This agent already has the case."),
        ("off", "Agent off is not signed on."),
        ("nobody", "Agent nobody is not signed on."),
        ("paused", "Agent paused has paused and gets no new cases."),
        ("other", "Agent other does not have the skills for this case."),
    ):
        assert refused(desk.agent("ticket.transfer", number, to_agent=agent)) == invalid(to_agent=sentence)
    assert refused(desk.agent("ticket.transfer", number, to_agent="a3")) == conflict(
        "The requester asked for an agent other than a3."
    )


def test_what_a_supervisor_cannot_do_reads_why() -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened()
    assert refused(as_lead(desk, "ticket.take_away", number)) == wrong_status("No agent has this case.")
    assert refused(as_lead(desk, "ticket.release", number)) == wrong_status("This case is not held.")
    assert refused(as_lead(desk, "ticket.redact", number, entry_id="e" * 32, reason="A card number")) == invalid(
        entry_id="This case has no such entry."
    )
    closed = desk.opened(status="closed", **OTHER)
    desk.put(closed, erased=True)
    assert refused(as_lead(desk, "ticket.reopen", closed)) == wrong_status(
        "The requester's data was erased, so nobody would read an answer."
    )
    desk.put(closed, erased=False, merged_into=number)
    assert refused(as_lead(desk, "ticket.reopen", closed)) == wrong_status(f"The case goes on as case {number}.")
    desk.put(closed, merged_into=None)
    again = desk.submit(**OTHER).ticket["number"]
    assert refused(as_lead(desk, "ticket.reopen", closed)) == conflict(f"The issue is open again in case {again}.")


def test_a_ticket_of_an_account_that_has_ended_stays_closed_and_its_supervisor_reads_why() -> None:
    desk = staffed(*EVERYBODY)
    zoe = opened(desk)
    closed = desk.opened(status="closed", requester=zoe)
    ended = desk.state.accounts[key_of(zoe)]
    desk.state.accounts[ended.key] = replace(ended, ended_at=desk.now)
    assert refused(as_lead(desk, "ticket.reopen", closed)) == wrong_status(
        "The requester's account has ended, so nobody would read an answer."
    )


# Abuse


def test_a_blocked_requester_and_a_supervisor_who_cannot_block_read_why() -> None:
    desk = staffed(*EVERYBODY)
    desk.opened()

    def send(type_: str, account_id: str, by: str = "lead", **more: Any) -> Heard:
        return desk.send(f"requester.{type_}", {"agent_id": by, "account_id": account_id, **more}, f"agent.{by}")

    assert refused(send("block", "ann", "a1", reason="No")) == forbidden("Only supervisors may do that.")
    assert refused(send("block", "gone", kind="temporary", reason="No")) == invalid(
        account_id="There is no such temporary account."
    )
    past = desk.now - timedelta(seconds=1)
    assert refused(send("block", "ann", until=past.isoformat(), reason="No")) == invalid(
        until="This time has already passed."
    )
    assert refused(send("unblock", "ann")) == wrong_status("This requester is not blocked.")
    assert refused(send("unblock", "ann", "a1")) == forbidden("Only supervisors may do that.")
    send("block", "ann", reason="No")
    assert refused(desk.submit()) == forbidden("You cannot write to the help desk. You can still look at your cases.")


def test_whoever_writes_too_much_reads_how_much_it_was() -> None:
    desk = Desk(limits=Limits(2, 3))
    number = desk.opened()
    desk.reply(number, body="Still nothing.")
    heard = desk.reply(number, body="And now?")
    assert refused(heard) == (
        "rate_limited",
        "You have written to this case 2 times within an hour. Please try again later.",
        {},
    )
    desk.put(number, status="closed", closed_at=desk.now)
    assert refused(desk.reply(number, body="Not done."))[:2] == refused(heard)[:2]
    desk.submit(**OTHER)
    assert refused(desk.submit(subject="A third thing", body="Where is the manual?", issue_key="manual")) == (
        "rate_limited",
        "You have written to us 3 times within an hour. Please try again later.",
        {},
    )


def test_a_repeated_message_gets_a_hint() -> None:
    desk = Desk(limits=Limits(100, 100, repeat=timedelta(hours=1)))
    number = desk.opened()
    heard = [desk.reply(number, body="I am away.") for _ in range(3)][-1]
    assert heard.data["hints"] == {
        "body": [
            "This message was noted. It repeats the last one, as automatic replies do, so the case stays as it is."
            " If you need an answer, please write in other words."
        ]
    }


def test_a_held_ticket_says_why_nobody_gets_it() -> None:
    desk = Desk(limits=Limits(100, 100, burst_accounts=2))
    desk.state.staff = Staff({member.agent_id: member for member in EVERYBODY})
    number = desk.opened(requester=account("b0"))
    for place in range(1, 3):
        desk.submit(account(f"b{place}"))
    assert said(desk, number) == "Many accounts filed the same case. No agent gets it until a supervisor releases it."


# Accounts


def test_what_an_account_cannot_do_reads_why() -> None:
    desk = Desk()
    nameless = opened(desk, None)
    assert refused(confirm(desk, nameless, "1")) == wrong_status("This account has no contact address to confirm.")
    zoe = opened(desk)
    assert refused(confirm(desk, zoe, "12345678")) == invalid(
        code="This is not the code that was mailed to this address."
    )
    asked = {"requester": zoe}
    lately = "A code was mailed to this address in the last ten minutes. Please look for it, or try again later."
    assert refused(desk.send("account.confirm_contact", asked)) == ("rate_limited", lately, {})
    confirm(desk, zoe)
    assert refused(desk.send("account.confirm_contact", asked)) == wrong_status(
        "This account's contact address is already confirmed."
    )
    assert refused(merge(desk, account("ann"), nameless)) == forbidden(
        "Only a temporary account with a contact address can be merged into another.",
        temporary="has no contact address",
    )
    assert refused(desk.send("account.merge", {"requester": zoe, **opened(desk, "b@example.org")})) == forbidden(
        "A temporary account is merged into one that the channel has authenticated.",
        requester="must not be a temporary account",
    )


def test_too_many_openings_are_told_so() -> None:
    desk = Desk()
    desk.prepare(open_again_at={f"web\x1fm{desk.sent + 1}": desk.now})
    assert refused(desk.send("account.open_temporary", {})) == (
        "rate_limited",
        "Too many temporary accounts are being opened. Please try again in a moment.",
        {},
    )


def test_preferences_that_are_wrong_say_what_may_be_given() -> None:
    desk = Desk()
    hours = {"starts": "22:00", "ends": "07:00", "time_zone": "Europe/Atlantis"}
    notify = {"tickets": {"mail": False}, "receipt": {"pigeon": False}}
    _, _, faults = refused(
        desk.send("account.set_preferences", {"requester": account(), "notify": notify, "quiet_hours": hours})
    )
    assert faults == {
        "notify.tickets": [f"must be one of {', '.join(SWITCHABLE_KINDS)}"],
        "notify.tickets.mail": ["must be one of email, channel"],
        "notify.receipt.pigeon": ["must be one of email, channel"],
        "quiet_hours.time_zone": ["must be a time zone of the IANA database, such as Europe/Berlin"],
    }


def test_a_ticket_that_moves_to_another_account_of_the_person_says_so() -> None:
    desk = Desk()
    first, second = opened(desk), opened(desk)
    number = desk.opened(requester=second)
    confirm(desk, first)
    confirm(desk, second)
    assert said(desk, number) == "Another account of the same person."


def test_a_ticket_whose_account_has_ended_says_that_the_name_is_gone() -> None:
    desk = Desk()
    zoe = opened(desk, EMAIL)
    number = desk.opened(status="closed", requester=zoe)
    desk.later(days=31)
    desk.end_due(zoe["temporary"]["account_id"])
    assert said(desk, number) == "The requester's name was erased."


# Files


def test_why_a_file_is_left_out_is_said_to_the_letter() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    kept = desk.keep("account:ann", WORDS)
    infected = desk.keep("account:ann", b"harmful", state="infected")
    desk.unfit["many.txt"] = TooMany(desk.now, unnamed=True)
    desk.unfit["parts.txt"] = TooMany(desk.now, unnamed=False)
    files = [
        by_reference("f" * 32),
        by_reference(infected, b"harmful", name="virus.txt"),
        by_reference(kept, b"other words", name="other.txt"),
        attachment(name="many.txt"),
        attachment(name="parts.txt"),
    ]
    heard = desk.send("ticket.reply", {"requester": account(), "number": number, "body": "", "attachments": files})
    sentences = [
        "You have no such file.",
        "The scanner found something harmful in this file.",
        "The uploaded file is a different one.",
        "Too many files have been sent that no case uses. Please use those first, or wait until they expire.",
        "Too many uploads are unfinished. Please finish those first.",
    ]
    names = ["again.txt", "virus.txt", "other.txt", "many.txt", "parts.txt"]
    lines = [f"{name}: {sentence}" for name, sentence in zip(names, sentences, strict=True)]
    assert refused(heard) == (
        "rate_limited",
        "\n".join(["Nothing was added: 5 files were left out.", *lines]),
        {f"attachments.{place}.content": [sentence] for place, sentence in enumerate(sentences)},
    )
    desk.reply(number, body="See here", attachments=[by_reference("f" * 32)])
    assert said(desk, number) == "1 file was left out.\nagain.txt: You have no such file."


PART = {"upload": "u1", "name": "film.mp4", "media_type": "video/mp4", "part": 1, "parts": 2, "content": "MDAwMDAw"}


@pytest.mark.parametrize(
    ("became", "expected"),
    [
        (Contradicted("Part 1 has come with other words."), conflict("Part 1 has come with other words.")),
        (
            TooMany(MORNING, unnamed=False),
            ("rate_limited", "Too many uploads are unfinished. Please finish those first.", {}),
        ),
        (Unfit("name", "The name is odd."), ("invalid", "The name is odd.", {"name": ["The name is odd."]})),
    ],
)
def test_what_becomes_of_an_upload_is_said(became: Contradicted | TooMany | Unfit, expected: Refusal) -> None:
    desk = Desk(uploaded=became)
    assert refused(desk.send("attachment.upload", {"requester": account(), **PART})) == expected


def test_an_agent_who_uploads_without_a_case_reads_what_to_name() -> None:
    assert refused(Desk().send("attachment.upload", {"agent_id": "a1", **PART}, "agent.a1")) == invalid(
        number="Name the case that the file is for."
    )


def test_why_a_file_cannot_be_downloaded_is_said() -> None:
    desk = Desk()
    number = desk.opened()
    ref = desk.keep("account:ann", WORDS)
    desk.reply(number, attachments=[by_reference(ref)])

    def download(ref: str = ref, **more: Any) -> Heard:
        return desk.requester("attachment.download", number, ref=ref, **more)

    assert refused(download("f" * 32)) == invalid(ref="This case has no such file.")
    assert refused(download(part=2)) == invalid(part="This file has 1 part.")
    desk.contents.clear()
    assert refused(download()) == wrong_status(
        "This file cannot be opened. Please try again later, or ask the help desk about it."
    )
    for state, sentence in (
        ("quarantined", "The virus scanner has not checked this file yet. Please try again later."),
        ("infected", "The scanner found something harmful in this file."),
    ):
        desk.state.files[ref] = replace(desk.state.files[ref], state=state)  # type: ignore[arg-type]
        assert refused(download()) == wrong_status(sentence)


def test_a_harmful_file_is_named_in_the_history() -> None:
    desk = Desk()
    number, _, timers = quarantined(desk)
    fire(desk, timers[0], Harmful())
    assert said(desk, number) == (
        "The virus scanner found something harmful in again.txt: the file can no longer be opened."
    )


def test_a_key_that_does_not_wrap_new_files_is_refused_with_what_to_do() -> None:
    assert refused(rotate(desk_with("old"), "new")) == invalid(
        key="Intake wraps the keys of new files by 'old'. Put 'new' first in its key file, then restart it."
    )


# A person's rights


def test_an_archive_that_is_not_there_reads_what_to_do() -> None:
    desk = Desk()
    asked = {"requester": account()}
    assert refused(desk.send("account.export", asked)) == (
        "rate_limited",
        "The archive is not ready yet. Please ask again in a minute.",
        {},
    )
    assert refused(desk.send("attachment.download", {**asked, "ref": "f" * 32})) == invalid(
        ref="There is no such archive. Ask for one with account.export."
    )
    ref = desk.keep(archives_of("account:ann"), b"the archive", "application/zip")
    desk.contents.clear()
    assert refused(desk.send("attachment.download", {**asked, "ref": ref})) == wrong_status(
        "This archive cannot be opened. Please ask for another one."
    )


def test_an_erasure_that_cannot_be_confirmed_reads_why() -> None:
    desk = Desk()
    desk.state.erasures["e1"] = Erasure("e1", 1, ("account:ann",), content=True, at=desk.now)
    assert refused(desk.send("erasures.confirm_swept", {"erasures": ["e1", "e2"]}, "operator")) == invalid(
        erasures__0="This erasure is not done yet.", erasures__1="There is no such erasure."
    )


def test_an_erased_requesters_open_ticket_says_so() -> None:
    desk = Desk()
    number = desk.opened()
    desk.state.persons = {"account:ann": ("account:ann",)}
    desk.send("account.erase", {"requester": account()})
    assert said(desk, number) == "The requester was erased."


def test_a_type_that_intake_does_not_take_is_named() -> None:
    with pytest.raises(ValueError, match=r"^agent\.dance is nothing that this service takes$"):
        decide(Desk().state, Message("m1", "agent.dance", "agent.a1", {}), Desk().now)
