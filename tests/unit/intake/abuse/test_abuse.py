"""What supervisors do about abuse: they block requesters, and release what a burst held."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.names import AGENTS
from contracts.staff import staff_from
from services.chassis.decision import Arm, Message
from services.intake.domain.abuse.bursts import RELEASED_AT_ONCE
from services.intake.domain.values.limits import Limits
from services.intake.domain.values.ticket import Ticket, snapshot
from services.routing.domain.rules import projected
from tests.unit.intake.desk import CATALOGUE, Desk, Heard, account, temporary

MEMBERS = [
    {"agent_id": "a1", "roles": ["agent"], "teams": ["money"], "skills": ["billing"]},
    {"agent_id": "a2", "roles": ["agent"], "teams": ["tech"], "skills": ["technical"]},
    {"agent_id": "sue", "roles": ["supervisor"], "teams": ["money"], "display_name": "Sue"},
    {"agent_id": "tim", "roles": ["supervisor"], "teams": ["tech"]},
    {"agent_id": "max", "roles": ["manager"]},
]
LIMITS = Limits(100_000, 100_000, burst_accounts=4)


def desk_with_staff(members: list[dict[str, Any]] | None = None, limits: Limits = LIMITS) -> Desk:
    desk = Desk(limits=limits)
    desk.state.staff = staff_from({"members": MEMBERS if members is None else members})
    return desk


def block(desk: Desk, account_id: str = "ann", by: str = "sue", **more: Any) -> Heard:
    data = {"agent_id": by, "account_id": account_id, "reason": "Threatens agents.", **more}
    return desk.send("requester.block", data, f"agent.{by}")


def unblock(desk: Desk, account_id: str = "ann", by: str = "sue", **more: Any) -> Heard:
    return desk.send("requester.unblock", {"agent_id": by, "account_id": account_id, **more}, f"agent.{by}")


# Blocked requesters


def test_whatever_a_blocked_requester_sends_is_answered_with_a_sentence_and_reaches_nobody() -> None:
    desk = desk_with_staff()
    closed = desk.opened(status="closed")
    number = desk.opened(status="solution_suggested", issue_key="b")
    assert block(desk).type == "command.accepted"
    for heard in (
        desk.submit(issue_key="another"),
        desk.submit(refers_to=closed),
        desk.reply(number),
        desk.reply(closed),
        desk.reply(number, automatic=True),
        desk.accept(number),
        desk.requester("ticket.edit", number, body="Or so"),
        desk.requester("ticket.change_agent", number, reason="Not this one"),
        desk.requester("ticket.escalate", number),
        desk.requester("ticket.answer_consent", number, granted=True),
        desk.send("account.confirm_contact", {"requester": account()}),
    ):
        assert heard.code == "forbidden"
        assert "cannot write to the help desk" in heard.data["message"]
        assert "retry_at" not in heard.data
        assert not heard.decision.said
        assert not heard.decision.changes


def test_a_blocked_requester_may_look_and_want_no_mails() -> None:
    desk = desk_with_staff()
    number = desk.opened()
    block(desk)
    assert desk.view(number).type == "ticket.viewed"
    assert desk.send("ticket.list", {"requester": account()}).type == "ticket.listed"
    wanted = {"requester": account(), "notify": {"closed": {"email": False}}}
    assert desk.send("account.set_preferences", wanted).type == "command.accepted"
    assert desk.submit(account("bob")).type == "ticket.opened", "others are not blocked"


def test_a_block_ends_by_the_clock() -> None:
    desk = desk_with_staff()
    until = desk.now + timedelta(days=2)
    block(desk, until=until.isoformat())
    desk.later(days=2, milliseconds=-1)
    assert desk.submit().data["retry_at"] == until
    desk.later(milliseconds=1)
    assert desk.submit().type == "ticket.opened"
    assert unblock(desk).code == "wrong_status", "it is over"


@pytest.mark.parametrize("ago", [0, 1])
def test_a_block_that_would_be_over_is_refused(ago: int) -> None:
    desk = desk_with_staff()
    heard = block(desk, until=(desk.now - timedelta(seconds=ago)).isoformat())
    assert heard.data["errors"].keys() == {"until"}
    over = {"until": desk.now.isoformat()}
    assert block(desk, by="a1", **over).code == "forbidden", "who may comes first"
    assert block(desk, "nobody", by="a1", kind="temporary", **over).code == "forbidden"


def test_a_supervisor_lets_a_requester_in_again() -> None:
    desk = desk_with_staff()
    block(desk)
    heard = unblock(desk, reason="Has apologised.")
    ((event,),) = [heard.decision.said]
    assert (event.type, event.data["reason"]) == ("requester.unblocked", "Has apologised.")
    assert desk.submit().type == "ticket.opened"
    assert unblock(desk).code == "wrong_status"


def test_a_second_block_takes_the_place_of_the_first() -> None:
    desk = desk_with_staff()
    block(desk)
    block(desk, until=(desk.now + timedelta(hours=1)).isoformat())
    desk.later(hours=1)
    assert desk.submit().type == "ticket.opened"


def test_the_event_says_who_blocked_whom_why_and_until_when() -> None:
    desk = desk_with_staff()
    until = desk.now + timedelta(days=1)
    ((event,),) = [block(desk, until=until.isoformat()).decision.said]
    assert (event.type, event.subject) == ("requester.blocked", "ann")
    assert event.data == {
        "account_id": "ann", "kind": "account", "agent_id": "sue", "at": desk.now, "reason": "Threatens agents.",
        "until": until,
    }  # fmt: skip


def test_only_supervisors_and_managers_block_and_in_their_own_name() -> None:
    desk = desk_with_staff()
    assert block(desk, by="a1").code == unblock(desk, by="nobody").code == "forbidden"
    forged = {"agent_id": "sue", "account_id": "ann", "reason": "x"}
    assert desk.send("requester.block", forged, "agent.a1").code == "forbidden"
    assert block(desk, by="max").type == "command.accepted"
    assert Desk().send("requester.block", forged, "agent.sue").code == "forbidden", "no staff file, no supervisor"


def test_a_person_behind_several_accounts_is_blocked_whichever_is_named() -> None:
    for named in ("ann", "bob"):
        desk = desk_with_staff()
        for name in ("ann", "bob"):
            desk.submit(account(name, email="zoe@example.org"), issue_key=name)
        for name in ("ann", "bob"):
            desk.later(minutes=30)
            desk.send("account.confirm_contact", {"requester": account(name)})
            desk.send("account.confirm_contact", {"requester": account(name), "code": f"account:{name}/1"})
        assert desk.state.accounts["account:bob"].person == "account:ann"
        block(desk, named)
        assert [desk.submit(account(name)).code for name in ("ann", "bob")] == ["forbidden"] * 2


def test_a_temporary_account_is_blocked_and_cannot_slip_into_a_real_one() -> None:
    desk = desk_with_staff()
    opened = desk.send("account.open_temporary", {"contact_email": "zoe@example.org"})
    id_ = opened.data["account_id"]
    desk.secrets.add((id_, "s"))
    assert block(desk, "nobody", kind="temporary").data["errors"].keys() == {"account_id"}
    assert block(desk, id_).type == "command.accepted", "an account of the same id is another"
    assert desk.submit(temporary(id_, "s")).type == "ticket.opened"
    block(desk, id_, kind="temporary")
    assert desk.submit(temporary(id_, "s")).code == "forbidden"
    merging = {"requester": account("ann"), "temporary": {"account_id": id_, "secret": "s"}}
    assert desk.send("account.merge", merging).code == "forbidden"


# Bursts


def filed(desk: Desk, who: str, **more: Any) -> Heard:
    return desk.submit(account(who), **{"subject": "Free coins", "body": "Look at http://coins.example!", **more})


def held(desk: Desk) -> list[str]:
    return sorted(ticket.requester.id for ticket in desk.state.tickets.values() if ticket.held)


def test_a_burst_of_equal_submissions_by_many_accounts_is_held_the_first_ones_too() -> None:
    desk = desk_with_staff()
    heard = [filed(desk, who) for who in ("b1", "b2", "b3")]
    assert held(desk) == []
    last = filed(desk, "b4", subject="FREE  coins!!")
    assert held(desk) == ["b1", "b2", "b3", "b4"]
    assert last.ticket["held"] is True
    assert "held" not in heard[0].ticket
    assert last.events() == ["ticket.opened", "ticket.held", "ticket.held", "ticket.held"]
    told = [say.routing_key for say in last.decision.said if say.exchange == AGENTS]
    assert told == ["agent.sue.ticket.held", "agent.max.ticket.held"], "once, those whose team it is"
    assert filed(desk, "b5").events() == ["ticket.opened"]
    assert held(desk) == ["b1", "b2", "b3", "b4", "b5"]
    assert filed(desk, "c1", body="Where are my coins?").ticket.get("held") is None


def test_no_agent_gets_a_held_ticket() -> None:
    desk = desk_with_staff()
    numbers = [filed(desk, f"b{place}").ticket["number"] for place in range(4)]
    assert {desk.assign(number).code for number in numbers} == {"conflict"}
    routed = [routing_sees(desk.ticket(number)) for number in numbers]
    assert not any(routed)


def routing_sees(ticket: Ticket) -> bool:
    """Whether the ticket waits for an agent in routing."""
    cause = Message("m", "ticket.opened", "intake", {}).cause
    skills = {category.id: category.skill for category in CATALOGUE.categories.values()}
    return projected(snapshot(ticket), None, skills, cause, ticket.opened_at).waiting


def test_what_an_agent_has_is_not_taken_from_them() -> None:
    desk = desk_with_staff()
    first = filed(desk, "b1").ticket["number"]
    desk.assign(first)
    for who in ("b2", "b3", "b4"):
        filed(desk, who)
    assert held(desk) == ["b2", "b3", "b4"]
    assert desk.ticket(first).agent is not None


@pytest.mark.parametrize("minutes", [0, 3.3])
def test_a_burst_is_one_of_minutes(minutes: float) -> None:
    desk = desk_with_staff()
    for who in ("b1", "b2", "b3", "b4"):
        filed(desk, who)
        desk.later(minutes=minutes + 0.1)
    assert bool(held(desk)) == (minutes < 3.3)


def test_one_account_makes_no_burst() -> None:
    desk = desk_with_staff()
    for place in range(6):
        filed(desk, "b1", issue_key=f"i{place}")
    assert held(desk) == []


@pytest.mark.parametrize("off", ["setting", "no supervisor", "no file"])
def test_without_somebody_who_could_release_it_nothing_is_held(off: str) -> None:
    limits = Limits(100_000, 100_000, burst_accounts=0 if off == "setting" else 4)
    desk = desk_with_staff(MEMBERS[:2] if off == "no supervisor" else None, limits)
    if off == "no file":
        desk.state.staff = None
    for place in range(6):
        filed(desk, f"b{place}")
    assert held(desk) == []
    assert not desk.state.bursts


def test_nothing_is_held_in_a_category_that_nobody_supervises() -> None:
    """No agent of the staff is skilled for it, so it is no team's: not even to be released."""
    desk = desk_with_staff(MEMBERS[:-1])
    for place in range(8):
        filed(desk, f"s{place}", category="access")
    assert held(desk) == []
    heard = [filed(desk, f"b{place}") for place in range(3)]
    assert heard[0].ticket["held"], "with those of the other category it is a burst"
    assert held(desk) == ["b0", "b1", "b2"]
    assert filed(desk, "s8", category="access").ticket.get("held") is None


def test_what_another_instance_filed_meanwhile_is_held_by_the_next_of_the_burst() -> None:
    desk = desk_with_staff()
    unseen = desk.ticket(filed(desk, "b0").ticket["number"])
    del desk.state.tickets[unseen.id]
    for place in range(1, 5):
        filed(desk, f"b{place}")
    desk.state.tickets[unseen.id] = unseen
    assert filed(desk, "b5").events() == ["ticket.opened", "ticket.held"]
    assert held(desk) == ["b0", "b1", "b2", "b3", "b4", "b5"]
    assert filed(desk, "b6").events() == ["ticket.opened"]


@pytest.mark.parametrize("accounts", [2, 3, 4])
def test_supervisors_hear_of_each_burst_of_the_same_words(accounts: int) -> None:
    desk = desk_with_staff(limits=Limits(100_000, 100_000, burst_accounts=accounts))
    for day in range(2):
        heard = [filed(desk, f"d{day}-{place}") for place in range(accounts + 2)]
        told = [bool(each.to_agents()) for each in heard]
        assert told == [place == accounts - 1 for place in range(accounts + 2)]
        desk.later(hours=20)


def release(desk: Desk, number: str, by: str = "sue", **more: Any) -> Heard:
    return desk.send("ticket.release", {"agent_id": by, "number": number, **more}, f"agent.{by}")


def test_a_supervisor_releases_one() -> None:
    desk = desk_with_staff()
    number, *_ = [filed(desk, f"b{place}").ticket["number"] for place in range(4)]
    heard = release(desk, number)
    assert (heard.type, heard.events(), heard.ticket.get("held")) == ("command.accepted", ["ticket.released"], None)
    assert heard.event().data["entry"]["author"] == {"kind": "agent", "id": "sue", "display_name": "Sue"}
    assert routing_sees(desk.ticket(number))
    assert desk.assign(number).type == "command.accepted"
    assert release(desk, number).code == "wrong_status"
    assert len(held(desk)) == 3
    assert filed(desk, "b9").ticket["held"], "the burst goes on"


def test_only_who_supervises_the_tickets_category_releases_it() -> None:
    desk = desk_with_staff()
    number, *_ = [filed(desk, f"b{place}").ticket["number"] for place in range(4)]
    assert {release(desk, number, by).code for by in ("tim", "a1", "nobody")} == {"forbidden"}
    assert release(desk, "99999999").code == "unknown_ticket"
    assert release(desk, number, "max").type == "command.accepted"


def test_a_supervisor_releases_a_whole_burst_and_nothing_equal_is_held_for_a_day() -> None:
    desk = desk_with_staff()
    numbers = [filed(desk, f"b{place}").ticket["number"] for place in range(RELEASED_AT_ONCE + 30)]
    heard = release(desk, numbers[0], burst=True)
    (timer,) = heard.decision.timers
    rounds = 0
    while isinstance(timer, Arm):
        assert timer.id == f"burst_release:{timer.about}"
        message = Message(f"t{rounds}", timer.timer.type_(), "intake", timer.timer, timer.about, f"timer\x1f{rounds}")
        decision = desk.take(desk.decide(message))
        assert {say.type for say in decision.said} == {"ticket.released"}
        timer = next(iter(decision.timers), None)  # type: ignore[assignment]
        rounds += 1
    assert (held(desk), rounds) == ([], 2)
    assert filed(desk, "c1").ticket.get("held") is None
    desk.later(hours=23)
    for place in range(6):
        assert filed(desk, f"d{place}").ticket.get("held") is None
    desk.later(hours=1)
    for place in range(4):
        filed(desk, f"e{place}")
    assert held(desk) == ["e0", "e1", "e2", "e3"]


def test_what_is_closed_or_given_to_an_agent_by_name_is_not_held_any_more() -> None:
    desk = desk_with_staff()
    numbers = [filed(desk, f"b{place}").ticket["number"] for place in range(4)]
    desk.accept(numbers[0], account("b0"))
    assert held(desk) == ["b1", "b2", "b3"]


def test_a_held_tickets_clock_runs_and_its_requester_may_write() -> None:
    desk = desk_with_staff()
    numbers = [filed(desk, f"b{place}").ticket["number"] for place in range(4)]
    heard = desk.reply(numbers[0], account("b0"), "I am a person")
    assert (heard.type, heard.ticket["status"], heard.ticket["held"]) == ("command.accepted", "new", True)


def test_each_ticket_of_a_burst_writes_it_so_that_two_at_once_conflict() -> None:
    desk = desk_with_staff()
    revisions = []
    for place in range(6):
        filed(desk, f"b{place}")
        revisions.append([burst.revision for burst in desk.state.bursts.values()])
    assert revisions == [[], [], [1], [2], [3], [4]]
