"""The turn, on fakes: what is promised in docs/turn.md, one test a promise."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from greenlet import GreenletExit
from pymongo.errors import AutoReconnect

from contracts import topology
from services.chassis import telemetry
from services.chassis.database import Conflict, DatabaseAway
from services.chassis.decision import Answer, Arm, Decision, Message, Say, derived_id
from services.chassis.outgoing import Outgoing
from services.chassis.patience import Stopping
from services.chassis.reading import LARGEST, Delivery
from services.chassis.rules import Preparation, Rules
from services.chassis.sending import SENT_AT_ONCE
from services.chassis.turn import CONFLICTS_AT_MOST, SUSPECT_AFTER_RETURNS, TRIES, Turn
from services.chassis.unit_of_work import ArmedBy, DueTimer, Work, Write
from services.chassis.watching import TIMERS
from services.routing.domain.presence import AwayTimer
from tests.fakes import FakePublisher, FakeStore, toy

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Tally:
    """A toy service's view: how often each agent sent a heartbeat in this turn, on top of what is stored."""

    beats: dict[str, int]

    def apply(self, change: str) -> None:
        """One more heartbeat."""
        self.beats[change] = self.beats.get(change, 0) + 1


@dataclass
class ToyRepository:
    stored: dict[str, int] = field(default_factory=dict)
    loads: int = 0
    loaded: list[str] = field(default_factory=list)
    """The ids of the messages of the last load."""
    trouble: list[Exception] = field(default_factory=list)
    """Raised by the next loads, in order."""

    def load(self, messages: Sequence[Message[Any]], now: datetime) -> Tally:
        self.loads += 1
        self.loaded = [message.id for message in messages]
        if self.trouble:
            raise self.trouble.pop(0)
        if any(getattr(message.data, "display_name", None) == "breaks load" for message in messages):
            raise RuntimeError("cannot load")
        return Tally(dict(self.stored))

    def writes(self, view: Tally) -> list[Write]:
        self.pending = view.beats
        return [Write("beats", None)] if view.beats != self.stored else []  # type: ignore[arg-type]

    def commit(self, work: Work) -> None:
        self.stored = dict(self.pending)


def decide(view: Tally, message: Message[Any], now: datetime) -> Decision:
    """Counts sign-ons by agent; says and answers the count; a heartbeat is a view of it."""
    if message.type.startswith("timer."):
        return Decision(changes=["timer"], said=[Say(topology.EVENTS, "x", "x", toy(due=message.data.due))])
    agent = message.data.agent_id
    if getattr(message.data, "display_name", None) == "raises":
        raise ValueError("undecidable")
    if message.type == "agent.heartbeat":
        return Decision(answer=Answer("command.accepted", toy(beats=view.beats.get(agent, 0))), remember=False)
    if getattr(message.data, "display_name", None) == "needs a heart" and "heart" not in view.beats:
        return Decision(answer=Answer("command.rejected", toy(code="forbidden")), waits=timedelta(seconds=5))
    count = view.beats.get(agent, 0) + 1
    return Decision(
        changes=[agent],
        said=[Say(topology.EVENTS, "agent.signed_on", "agent.signed_on", toy(count=count, at=now))],
        answer=Answer("command.accepted", toy(beats=count)),
        timers=[Arm(f"{agent}:away", AwayTimer(due=now), agent)],
    )


Prepares = Callable[[Sequence[Message[Any]], datetime], Collection[str] | None]


def preparing(repository: Any, prepare: Prepares) -> Callable[[Sequence[Message[Any]], datetime], Preparation[Any]]:
    """Prepares in this way, and loads as ever; `prepare` returns the keys of what it puts off, if any."""
    return lambda messages, now: Preparation(repository.load, prepare(messages, now) or ())


@dataclass
class Bench:
    """A turn on fakes, and what it leaves."""

    store: FakeStore = field(default_factory=lambda: FakeStore(clock=NOW))
    publisher: FakePublisher = field(default_factory=FakePublisher)
    repository: ToyRepository = field(default_factory=ToyRepository)
    stopping: bool = False
    naps: int = 0
    prepare: Prepares | None = None

    def __post_init__(self) -> None:
        self.store.on_commit = self.repository.commit
        prepare = None if self.prepare is None else preparing(self.repository, self.prepare)
        rules = Rules(self.repository, decide, prepare=prepare)
        self.turn = Turn("routing", rules, self.store, self.publisher, lambda: self.stopping, self._nap)

    def _nap(self, seconds: float) -> None:
        self.naps += 1

    def run(self, *deliveries: Delivery) -> list[Delivery]:
        return self.turn.run(deliveries)

    def unsent(self) -> dict[str, list[Outgoing]]:
        """What is left in the outbox when the sweeper has passed."""
        self.turn.sending.strike()
        return self.store.outbox

    def published(self, type_: str) -> list[Outgoing]:
        return [message for message in self.publisher.published if message.type == type_]

    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(message.body) for message in self.publisher.published if message.exchange == topology.AGENTS]


def command(
    id_: str = "1", type_: str = "agent.sign_on", agent: str = "a1", name: str = "Ann", **properties: Any
) -> Delivery:
    event = {
        "specversion": "1.0",
        "id": id_,
        "type": type_,
        "source": f"/agents/{agent}",
        "time": "2026-01-05T12:00:00Z",
        "data": {"agent_id": agent, "display_name": name, "capacity": 5, "skills": ["*"]},
    }
    given = {"user_id": f"agent.{agent}", "message_id": id_, **properties}
    return Delivery("routing.commands", topology.DESK, type_, json.dumps(event).encode(), given)


def test_a_command_takes_effect_is_announced_and_answered() -> None:
    bench = Bench()
    assert bench.run(command()) == []
    assert bench.repository.stored == {"a1": 1}
    [answer] = bench.answers()
    assert answer["type"] == "command.accepted"
    assert (answer["causationid"], answer["correlationid"]) == ("1", "1")
    assert answer["source"] == "/services/routing"
    [event] = bench.published("agent.signed_on")
    assert json.loads(event.body)["data"]["at"] == "2026-01-05T12:00:00Z"
    assert bench.unsent() == {}
    [(timer, _)] = bench.store.commits[0].timers
    assert timer.id == "a1:away"


def test_later_messages_of_a_turn_see_what_earlier_ones_changed() -> None:
    bench = Bench()
    bench.run(*[command(str(number)) for number in range(200)])
    assert [answer["data"]["beats"] for answer in bench.answers()] == list(range(1, 201))
    assert bench.repository.loads == 1
    assert len(bench.store.commits) == 1


@pytest.mark.parametrize("together", [True, False])
def test_the_same_id_has_one_effect_and_the_same_outcome(together: bool) -> None:
    bench = Bench()
    deliveries = [command("same", name=f"body {number}") for number in range(50)]
    for batch in [deliveries] if together else [[delivery] for delivery in deliveries]:
        bench.run(*batch)
    assert bench.repository.stored == {"a1": 1}
    assert len(bench.answers()) == 50
    assert len({json.dumps(answer) for answer in bench.answers()}) == 1
    assert len(bench.published("agent.signed_on")) == 1


def test_ids_are_scoped_to_the_sender() -> None:
    bench = Bench()
    bench.run(command("same"), command("same", agent="a2"))
    assert bench.repository.stored == {"a1": 1, "a2": 1}


def test_views_are_answered_again_and_stored_nowhere() -> None:
    bench = Bench()
    bench.run(command("1"))
    bench.run(command("2", "agent.heartbeat"))
    bench.run(command("3"))
    bench.run(command("2", "agent.heartbeat"))
    beats = [answer["data"]["beats"] for answer in bench.answers() if answer["causationid"] == "2"]
    assert beats == [1, 2]
    assert len(bench.store.commits) == 2


def test_a_message_whose_decision_raises_is_tried_again_then_dead_lettered_alone() -> None:
    bench = Bench()
    bad = command("bad", name="raises")
    bad.properties = {**bad.properties, "reply_to": "agent.a1.replies", "correlation_id": "7"}
    again = bench.run(command("1"), bad, command("2"))
    assert again == [bad]
    assert bench.repository.stored == {"a1": 2}
    for _ in range(TRIES - 1):
        again = bench.run(*again)
    assert again == []
    [copy] = [message for message in bench.publisher.published if message.exchange == topology.DEAD]
    assert copy.headers["x-reason"] == "ValueError: undecidable"
    assert copy.headers["x-user-id"] == "agent.a1"
    assert abs(copy.headers["x-time"] - datetime.now(UTC)) < timedelta(minutes=1)
    assert (copy.body, copy.routing_key) == (bad.body, "routing.commands")
    assert (copy.reply_to, copy.correlation_id) == ("agent.a1.replies", "7")


def test_a_message_that_breaks_the_whole_turn_is_found_and_dead_lettered_alone() -> None:
    bench = Bench()
    bad = command("bad", name="breaks load")
    again = bench.run(*[command(str(number)) for number in range(9)], bad)
    assert again == [bad]
    assert bench.repository.stored == {"a1": 9}


def test_a_lost_race_is_decided_again_on_what_the_winner_left() -> None:
    bench = Bench()
    bench.store.trouble = [Conflict("a"), Conflict("b")]
    bench.repository.stored = {"a1": 7}
    bench.run(command())
    assert bench.repository.loads == 3
    assert [answer["data"]["beats"] for answer in bench.answers()] == [8]


class ToyGate:
    """Writes down when it was passed, by what had been stored."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.passed_at: list[int] = []

    @contextmanager
    def passed(self, sleep: Callable[[float], None]) -> Iterator[None]:
        self.passed_at.append(len(self.bench.store.commits))
        yield


def test_after_a_lost_race_turns_pass_the_gate_and_before_they_do_not() -> None:
    bench = Bench()
    gate = ToyGate(bench)
    rules = Rules(bench.repository, decide, gate=gate)  # type: ignore[arg-type]
    bench.turn = Turn("routing", rules, bench.store, bench.publisher, sleep=bench._nap)
    bench.run(command("1"))
    assert gate.passed_at == []
    bench.store.trouble = [Conflict("a")]
    bench.run(command("2"))
    bench.run(command("3"))
    assert gate.passed_at == [1, 2], "once to decide again, once for the next turn"


def test_a_race_lost_again_and_again_is_decided_in_smaller_turns() -> None:
    bench = Bench()
    bench.store.trouble = [Conflict("hot")] * 3
    bench.run(*[command(str(number)) for number in range(10)])
    assert bench.repository.stored == {"a1": 10}
    assert len(bench.store.commits) == 2


def test_a_database_that_is_away_is_waited_for() -> None:
    bench = Bench()
    bench.store.trouble = [DatabaseAway("x")] * 3
    away = telemetry.AWAY.labels("database")
    before = away._value.get()
    assert bench.run(command()) == []
    assert bench.naps == away._value.get() - before == 3
    assert bench.repository.stored == {"a1": 1}


def test_a_database_that_goes_away_while_its_state_is_read_is_waited_for() -> None:
    bench = Bench()
    bench.repository.trouble = [AutoReconnect("connection closed")] * (TRIES + 1)
    assert bench.run(command()) == []
    assert bench.naps == TRIES + 1
    assert bench.repository.stored == {"a1": 1}


def test_a_database_that_goes_away_while_a_turn_is_prepared_is_waited_for() -> None:
    trouble: list[Exception] = [AutoReconnect("connection closed")] * (TRIES + 1)

    def prepare(messages: Sequence[Message[Any]], now: datetime) -> None:
        if trouble:
            raise trouble.pop()

    bench = Bench(prepare=prepare)
    assert bench.run(command()) == []
    assert bench.naps == TRIES + 1
    assert bench.repository.stored == {"a1": 1}


def test_what_was_decided_too_long_ago_is_decided_again() -> None:
    """The process stands still between the clock and the commit."""
    store = FakeStore(clock=NOW)
    until = NOW + timedelta(seconds=10)

    class Frozen(ToyRepository):
        def load(self, messages: Sequence[Message[Any]], now: datetime) -> Tally:
            store.clock = NOW + timedelta(minutes=1)
            return super().load(messages, now)

    def decide(view: Tally, message: Message[Any], now: datetime) -> Decision:
        if now > until:
            return Decision(answer=Answer("command.rejected", toy(late=True)))
        return Decision(answer=Answer("command.accepted", toy()), valid_until=until)

    publisher = FakePublisher()
    Turn("routing", Rules(Frozen(), decide), store, publisher, sleep=lambda _: None).run([command()])
    assert [message.type for message in publisher.published] == ["command.rejected"]
    assert len(store.commits) == 1


def test_a_commit_whose_answer_was_lost_takes_effect_once_and_is_published() -> None:
    bench = Bench()
    bench.store.trouble = [DatabaseAway("cut")]
    bench.store.lost_answer = True
    bench.run(command())
    assert bench.repository.stored == {"a1": 1}
    assert len(bench.published("agent.signed_on")) == 1
    assert {answer["id"] for answer in bench.answers()} == {bench.answers()[0]["id"]}
    assert bench.unsent() == {}


def test_a_broker_that_is_away_is_waited_for_and_nothing_is_forgotten() -> None:
    bench = Bench()
    bench.publisher.away = 2
    bench.run(command())
    assert bench.naps == 2
    assert len(bench.answers()) == 1
    assert bench.unsent() == {}


def test_a_redelivery_after_a_crash_publishes_what_was_left_unsent() -> None:
    bench = Bench()
    bench.stopping = True
    bench.publisher.away = 1
    with pytest.raises(Stopping):
        bench.run(command("1"), command("2"))
    assert len(bench.store.outbox) == 1
    redelivered = command("1")
    redelivered.redelivered = True
    bench.run(redelivered)
    assert bench.repository.stored == {"a1": 2}
    assert len(bench.published("agent.signed_on")) == 2
    assert bench.unsent() == {}


def test_what_a_turn_has_decided_is_stored_before_it_is_published() -> None:
    """The next turn may begin then; until it is published, nothing may be acknowledged."""
    bench = Bench()
    bad = command("bad", name="raises")
    with bench.turn.deciding:
        decided = bench.turn.decide([command("1"), bad])
    assert (bench.repository.stored, bench.publisher.published) == ({"a1": 1}, [])
    assert [message.type for message in decided.outgoing] == ["agent.signed_on", "command.accepted"]
    assert (decided.again, decided.ended) == ([bad], 1)
    with bench.turn.deciding:
        bench.turn.publish(decided)
    assert bench.publisher.published == decided.outgoing


def test_a_turn_of_timers_waits_for_the_one_in_work_when_they_are_prepared_and_holds_nobody_up_then() -> None:
    """A slow mail server does not hold up the turns of messages; nor does a broker that is slow to confirm."""
    bench = Bench()
    seen: list[tuple[str, bool]] = []

    def see(what: str) -> None:
        seen.append((what, bench.turn.deciding.locked()))

    def prepare(_messages: Sequence[Message[Any]], _now: datetime) -> Sequence[str]:
        see("prepared")
        return ()

    def decided(view: Tally, message: Message[Any], now: datetime) -> Decision:
        see("decided")
        return decide(view, message, now)

    def reveal(message: Outgoing) -> Outgoing:
        see("published")
        return message

    rules = Rules(bench.repository, decided, prepare=preparing(bench.repository, prepare), reveal=reveal)
    bench.turn = Turn("routing", rules, bench.store, bench.publisher)
    bench.turn.run(timers=[DueTimer("t", NOW, "away", "a1", {}, ArmedBy("m", "first"), 3)])
    assert seen == [("prepared", False), ("decided", True), ("published", False)]


def test_a_suspect_is_published_before_the_next_turn_begins() -> None:
    """Otherwise the next suspect could be counted as begun while this one kills the process."""
    bench = Bench()
    with bench.turn.deciding:
        decided = bench.turn.decide([suspect()])
    assert (len(bench.answers()), bench.store.attempts) == (1, {})
    assert (decided.again, decided.outgoing, decided.ended) == ([], (), 0)


def test_the_sweeper_publishes_what_no_redelivery_brings_up() -> None:
    bench = Bench()
    bench.stopping = True
    bench.publisher.away = 1
    with pytest.raises(Stopping):
        bench.run(command())
    bench.turn.sending.sweep(list(bench.store.outbox))
    assert len(bench.answers()) == 1
    assert bench.unsent() == {}


def test_a_message_that_kills_its_consumer_is_dead_lettered_after_five_attempts_of_its_own() -> None:
    bench = Bench()
    killer = command("killer")
    killer.headers, killer.redelivered = {"x-delivery-count": 2}, True
    key_attempts = []
    for _ in range(TRIES):  # each counted, then the process dies
        bench.store.trouble = [SystemExit()]  # type: ignore[list-item]
        with pytest.raises(SystemExit):
            bench.run(killer)
        key_attempts.append(next(iter(bench.store.attempts.values())))
    assert key_attempts == [1, 2, 3, 4, 5]
    assert bench.run(killer) == []
    [copy] = bench.publisher.published
    assert copy.headers["x-reason"] == "its consumer died 5 times while handling it"
    assert bench.store.attempts == {}


def test_an_innocent_message_that_came_back_often_is_handled() -> None:
    bench = Bench()
    innocent = command()
    innocent.headers, innocent.redelivered = {"x-delivery-count": 60}, True
    bench.run(innocent)
    assert bench.repository.stored == {"a1": 1}
    assert bench.store.attempts == {}


def test_what_was_published_is_struck_from_the_outbox_several_turns_at_once() -> None:
    bench = Bench()
    left = []
    for number in range(2 * SENT_AT_ONCE):
        bench.run(command(str(number)))
        left.append(len(bench.store.outbox))
    assert left == [*range(1, SENT_AT_ONCE), 0] * 2


def test_a_sweeper_that_is_ended_in_the_middle_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.run(command())

    def ended(turns: Sequence[str]) -> None:
        raise GreenletExit

    with monkeypatch.context() as patched:
        patched.setattr(bench.store, "sent", ended)
        with pytest.raises(GreenletExit):
            bench.turn.sending.strike()
    assert bench.unsent() == {}


def test_an_id_sent_again_is_found_by_its_lost_race() -> None:
    """Without doubt nothing is asked before: the key that is taken tells."""
    bench = Bench()
    bench.run(command("1"))
    bench.run(command("1", name="Bob"))
    assert bench.repository.stored == {"a1": 1}
    first, second = bench.answers()
    assert first == second
    assert len(bench.store.commits) == 1


def test_an_id_sent_again_that_can_no_longer_be_decided_gets_its_outcome_again() -> None:
    bench = Bench()
    bench.run(command("1"))
    assert bench.run(command("1", name="raises")) == []
    first, second = bench.answers()
    assert first == second


def test_only_what_needs_preparing_is_prepared() -> None:
    prepared: list[tuple[str, datetime]] = []
    bench = Bench()

    def prepare(messages: Sequence[Message[Any]], now: datetime) -> None:
        prepared.extend((message.id, now) for message in messages)

    rules = Rules(
        bench.repository,
        decide,
        prepare=preparing(bench.repository, prepare),
        needs_preparing=lambda message: message.id == "2",
    )
    turn = Turn("routing", rules, bench.store, bench.publisher)
    for ids in (["1", "2"], ["3"]):
        turn.run([command(id_) for id_ in ids])
    assert prepared == [("2", bench.store.clock)]


def test_what_is_concluded_comes_last_of_all_that_the_turn_changed() -> None:
    """And what it says and arms has ids of the turn's own, which no message has."""
    bench = Bench()
    seen: list[tuple[dict[str, int], datetime]] = []

    def conclude(view: Tally, now: datetime) -> Decision:
        seen.append((dict(view.beats), now))
        say = Say(topology.EVENTS, "agent.signed_on", "agent.signed_on", toy())
        return Decision(changes=["end"], said=[say], timers=[Arm("a1:away", AwayTimer(due=now), "a1")])

    turn = Turn("routing", Rules(bench.repository, decide, conclude), bench.store, bench.publisher)
    assert turn.run([command("1"), command("2")]) == []
    assert seen == [({"a1": 2}, bench.store.clock)]
    assert bench.repository.stored == {"a1": 2, "end": 1}
    (work,) = bench.store.commits
    ids = [message.message_id for message in work.outgoing]
    assert len(ids) == len(set(ids)) == 5
    assert ids[-1] == derived_id("routing", work.turn, "0")
    assert work.timers[-1][1] == ArmedBy(derived_id(work.turn, "a1:away"), derived_id(work.turn, "a1:away"))


def test_the_view_is_loaded_for_what_is_to_be_decided_alone() -> None:
    """Neither for what was handled before, nor for what is refused unread."""
    bench = Bench()
    bench.run(command("1"))
    again = command("1")
    again.redelivered = True
    bench.run(again, command("2", agent="a2"), command("3", name=""))
    assert bench.repository.loaded == ["2"]
    assert len(bench.answers()) == 4


def test_what_no_queue_takes_is_copied_to_the_dead_letters() -> None:
    bench = Bench()
    bench.publisher.unroutable = {(topology.AGENTS, "agent.a1.command.accepted")}
    bench.run(command())
    [copy] = [message for message in bench.publisher.published if message.exchange == topology.DEAD]
    assert copy.headers["x-exchange"] == topology.AGENTS
    assert bench.unsent() == {}


def test_while_nothing_takes_dead_letters_nothing_is_acknowledged() -> None:
    bench = Bench(stopping=True)
    bench.publisher.unroutable = {(topology.DEAD, "routing.commands")}
    with pytest.raises(Stopping):
        bench.run(command(user_id=None))


def test_a_timer_acts_once_and_only_while_it_stands() -> None:
    bench = Bench()
    timer = DueTimer("t", NOW, "away", "a1", {}, ArmedBy("m", "first", "00-trace"), 3)
    bench.turn.run(timers=[timer])
    bench.turn.run(timers=[timer])
    assert bench.repository.stored == {"timer": 1}
    assert bench.store.commits[0].fired == [timer]
    [said] = [json.loads(message.body) for message in bench.publisher.published]
    assert (said["correlationid"], said["traceparent"]) == ("first", "00-trace")


def test_a_trace_and_a_chain_go_on_to_everything_that_a_message_causes() -> None:
    bench = Bench()
    bench.run(changed(command(), traceparent=TRACE, correlationid="first"))
    said = [json.loads(message.body) for message in bench.publisher.published]
    assert [event["type"] for event in said] == ["agent.signed_on", "command.accepted"]
    assert {(event["causationid"], event["correlationid"], event["traceparent"]) for event in said} == {
        ("1", "first", TRACE)
    }
    [(_, armed)] = bench.store.commits[0].timers
    assert (armed.chain, armed.trace) == ("first", TRACE)


def test_a_trace_that_is_none_is_ignored() -> None:
    bench = Bench()
    bench.run(changed(command(), traceparent="zzz"))
    said = [json.loads(message.body) for message in bench.publisher.published]
    assert [(event["type"], "traceparent" in event) for event in said] == [
        ("agent.signed_on", False),
        ("command.accepted", False),
    ]


@pytest.mark.parametrize(
    ("reply_to", "keys", "mandatory"),
    [
        (None, ["agent.a1.command.accepted"], [True]),
        ("agent.a1.replies", ["agent.a1.command.accepted", "agent.a1.replies"], [True, True]),
        ("amq.rabbitmq.reply-to.xyz", ["agent.a1.command.accepted", "amq.rabbitmq.reply-to.xyz"], [True, False]),
        ("console.page.7", ["agent.a1.command.accepted", "console.page.7"], [True, True]),
        ("agent.a2.replies", ["agent.a1.command.accepted"], [True]),
        ("intake.commands", ["agent.a1.command.accepted"], [True]),
    ],
)
def test_an_outcome_goes_to_the_senders_own_key_and_to_a_reply_queue_of_its_own(
    reply_to: str | None, keys: list[str], mandatory: list[bool]
) -> None:
    bench = Bench()
    bench.run(command(reply_to=reply_to, correlation_id="c9"))
    answers = [message for message in bench.publisher.published if message.type == "command.accepted"]
    assert [message.routing_key for message in answers] == keys
    assert [message.mandatory for message in answers] == mandatory
    assert {message.correlation_id for message in answers} == {"c9"}


def test_the_operator_is_answered_at_a_reply_queue_of_its_own_alone() -> None:
    bench = Bench()
    sent = changed(command(user_id="operator", reply_to="operator.replies"), source="/operators/operator")
    bench.run(sent)
    [answer] = bench.publisher.published
    assert (answer.exchange, answer.routing_key) == ("", "operator.replies")
    assert json.loads(answer.body)["data"]["message"] == "operator may not send agent.sign_on."


def changed(delivery: Delivery, **to: Any) -> Delivery:
    event = json.loads(delivery.body)
    event.update(to)
    delivery.body = json.dumps(event).encode()
    return delivery


@pytest.mark.parametrize(
    ("delivery", "code", "fields"),
    [
        (changed(command(), data={"capacity": 2}), "invalid", {"agent_id", "display_name", "skills"}),
        (changed(command(), source="/agents/a2"), "forbidden", {"source"}),
        (changed(command(), source="/services/intake"), "forbidden", {"source"}),
        (changed(command(), id="other"), "invalid", {"id"}),
        (changed(command(), time="yesterday"), "invalid", {"time"}),
        (changed(command(), time=None), "invalid", {"time"}),
        (changed(command(), source=None), "invalid", {"source"}),
        (changed(command(), subject=7), "invalid", {"subject"}),
        (changed(command(), type="agent.heartbeat"), "invalid", {"type"}),
        (changed(command(), type="agent.promote"), "invalid", {"type"}),
        (command(type_="agent.promote"), "invalid", {"type"}),
        (command(type_="ticket.assign"), "forbidden", set()),
    ],
)
def test_bad_input_gets_the_contracts_answer(delivery: Delivery, code: str, fields: set[str]) -> None:
    bench = Bench()
    bench.run(command("good before", agent="a2"), delivery, command("good after", agent="a2"))
    [refusal] = [answer for answer in bench.answers() if answer["type"] == "command.rejected"]
    assert refusal["data"]["code"] == code
    assert set(refusal["data"].get("errors", {})) == fields
    assert refusal["data"]["message"].endswith(".")
    assert bench.repository.stored == {"a2": 2}


@pytest.mark.parametrize(("exchange", "type_"), [(topology.DESK, "agent.sign_on"), (topology.INTAKE, "ticket.submit")])
def test_a_command_that_another_service_answers_is_unsupported_here(exchange: str, type_: str) -> None:
    """It comes where nobody reads for that service: it is not offered."""
    bench = Bench()
    bench.turn = Turn("sla", Rules(bench.repository, decide), bench.store, bench.publisher)
    delivery = command(type_=type_, agent="a1") if exchange == topology.DESK else submission()
    bench.run(delivery)
    [refusal] = [
        json.loads(message.body) for message in bench.publisher.published if message.type == "command.rejected"
    ]
    assert refusal["data"]["code"] == "unsupported"
    assert len(bench.store.commits) == 1


def submission() -> Delivery:
    delivery = command(type_="ticket.submit", user_id="web")
    delivery.exchange = topology.INTAKE
    return changed(delivery, source="/channels/web")


def test_a_message_of_ten_megabytes_is_too_large() -> None:
    bench = Bench()
    huge = command()
    huge.body = b"x" * 10 * LARGEST
    bench.run(huge)
    [answer] = bench.answers()
    assert (answer["data"]["code"], answer["causationid"]) == ("too_large", "1")


@pytest.mark.parametrize(
    ("delivery", "reason"),
    [
        (command(user_id=None), "no user_id"),
        (command(user_id="nobody.x"), "user_id 'nobody.x' is no name"),
        (Delivery("q", topology.DESK, "x", b"\xff\x00", {"user_id": "web"}), "not JSON"),
        (Delivery("q", topology.DESK, "x", b"[1]", {"user_id": "web"}), "not a CloudEvent"),
        (Delivery("q", topology.DESK, "x", b"{}", {"user_id": "web"}), "not a CloudEvent"),
        (Delivery("q", topology.EVENTS, "x", command().body, {"user_id": "web"}), "'web' is no service"),
    ],
)
def test_what_nobody_can_be_answered_for_goes_whole_to_the_dead_letters(delivery: Delivery, reason: str) -> None:
    bench = Bench()
    assert bench.run(delivery, command("good")) == []
    [copy] = [message for message in bench.publisher.published if message.exchange == topology.DEAD]
    assert reason in copy.headers["x-reason"]
    assert copy.body == delivery.body
    assert bench.repository.stored == {"a1": 1}


def test_what_cannot_be_prepared_is_dead_lettered_alone() -> None:
    bench = Bench()

    def prepare(messages: Sequence[Message[Any]], now: datetime) -> Sequence[str]:
        if any(getattr(message.data, "display_name", None) == "breaks prepare" for message in messages):
            raise RuntimeError("cannot prepare")
        return ()

    rules = Rules(bench.repository, decide, prepare=preparing(bench.repository, prepare))
    bench.turn = Turn("routing", rules, bench.store, bench.publisher, lambda: False, bench._nap)
    breaking = command("2", agent="a2", name="breaks prepare")
    assert bench.run(command("1"), breaking, command("3", agent="a3")) == [breaking]
    assert bench.repository.stored == {"a1": 1, "a3": 1}
    while bench.run(breaking):
        pass
    assert breaking.attempts == TRIES
    [dead] = [message for message in bench.publisher.published if message.exchange == topology.DEAD]
    assert (dead.message_id, dead.headers["x-reason"]) == ("2", "RuntimeError: cannot prepare")


def test_what_waits_for_news_is_put_off_until_they_come_and_holds_nobody_up() -> None:
    bench = Bench()
    waiting = command("1", agent="a1", name="needs a heart")
    assert bench.run(waiting, command("2", agent="a2")) == [waiting]
    assert waiting.attempts == 0
    assert bench.repository.stored == {"a2": 1}
    assert bench.run(waiting, command("3", agent="heart")) == [waiting]
    assert bench.run(waiting) == []
    assert [answer["causationid"] for answer in bench.answers()] == ["2", "3", "1"]
    assert bench.repository.stored == {"a1": 1, "a2": 1, "heart": 1}


def test_when_the_news_have_not_come_in_time_the_answer_holds_and_is_remembered() -> None:
    bench = Bench()
    waiting = command("1", agent="a1", name="needs a heart")
    assert bench.run(waiting) == [waiting]
    assert waiting.waiting_since is not None
    waiting.waiting_since -= 5
    assert bench.run(waiting) == []
    [answer] = bench.answers()
    assert answer["data"]["code"] == "forbidden"
    assert bench.repository.stored == {}
    bench.run(command("2", agent="heart"))
    bench.run(command("1", agent="a1", name="needs a heart"))
    assert [answer["data"].get("code") for answer in bench.answers()] == ["forbidden", None, "forbidden"]


def test_what_is_put_off_comes_again_and_holds_nobody_up() -> None:
    """However often: this is not a failed try."""
    bench = Bench()
    later = {"agent.a2\x1f2"}
    rules = Rules(bench.repository, decide, prepare=preparing(bench.repository, lambda messages, now: later))
    bench.turn = Turn("routing", rules, bench.store, bench.publisher, lambda: False, bench._nap)
    slow = command("2", agent="a2")
    assert bench.run(command("1"), slow, command("3", agent="a3")) == [slow]
    assert bench.repository.stored == {"a1": 1, "a3": 1}
    for _ in range(TRIES):
        assert bench.run(slow) == [slow]
    later.clear()
    assert bench.run(slow) == []
    assert bench.repository.stored == {"a1": 1, "a2": 1, "a3": 1}


def test_what_is_revealed_as_it_is_published_stays_out_of_the_dead_letters() -> None:
    bench = Bench(publisher=FakePublisher(unroutable={(topology.AGENTS, "agent.a1.command.accepted")}))
    rules = Rules(bench.repository, decide, reveal=lambda message: replace(message, body=b"secret"))
    bench.turn = Turn("routing", rules, bench.store, bench.publisher, lambda: False, bench._nap)
    bench.run(command("1"))
    bodies = {message.exchange: message.body for message in bench.publisher.published}
    assert bodies[topology.AGENTS] == b"secret"
    assert b"secret" not in bodies[topology.DEAD]


def test_a_timer_that_another_instance_has_taken_is_not_prepared() -> None:
    bench = Bench()
    prepared: list[Message[Any]] = []
    rules = Rules(
        bench.repository,
        decide,
        prepare=preparing(bench.repository, lambda messages, now: prepared.extend(messages)),
    )
    bench.turn = Turn("routing", rules, bench.store, bench.publisher, lambda: False, bench._nap)
    bench.store.gone_timers = {"taken"}
    timers = [DueTimer(id_, NOW, "away", "a1", {}, ArmedBy("by", "chain"), 1) for id_ in ("taken", "ours")]
    bench.turn.run(timers=timers)
    assert [message.id for message in prepared] == ["ours:by"]


def test_timers_that_lose_every_race_are_told_apart_from_those_that_cannot_be_decided() -> None:
    timer = DueTimer("t", NOW, "away", "a1", {}, ArmedBy("by", "chain"), 1)
    bench = Bench(store=FakeStore(clock=NOW, trouble=[Conflict("busy")] * CONFLICTS_AT_MOST))
    with pytest.raises(Conflict):
        bench.turn.run(timers=[timer])
    assert bench.turn.run(timers=[timer]) == []
    assert len(bench.store.commits) == 1


def test_a_timer_that_cannot_be_read_fails_alone() -> None:
    """Another release armed it: it is tried again later, and its neighbours act."""
    bench = Bench()
    record = bench.turn.watch.over(TIMERS)
    kinds = {"ours": "away", "theirs": "of another release"}
    timers = [DueTimer(id_, NOW, kind, "a1", {}, ArmedBy("by", "chain"), 1) for id_, kind in kinds.items()]
    assert bench.turn.run(timers=timers) == []
    assert [timer.id for timer in bench.store.commits[0].fired] == ["ours"]
    assert (record.succeeded, sum(record._last)) == (1, 1)


def suspect() -> Delivery:
    """A sign-on that went back to its queue twice."""
    return replace(command(), redelivered=True, headers={"x-delivery-count": SUSPECT_AFTER_RETURNS})


def test_a_suspect_that_kills_each_consumer_is_dead_lettered_and_one_that_is_handled_is_cleared() -> None:
    bench = Bench()
    bench.run(suspect())
    assert (bench.store.attempts, bench.repository.stored) == ({}, {"a1": 1})
    key = derived_id("routing.commands", "1", suspect().body.hex())
    bench.store.attempts[key] = TRIES  # it was begun this often and never finished
    bench.run(suspect())
    [dead] = [message for message in bench.publisher.published if message.exchange == topology.DEAD]
    assert "died" in dead.headers["x-reason"]
    assert bench.store.attempts == {}


def test_a_suspect_that_a_stop_breaks_off_has_killed_nobody() -> None:
    """However often the service is stopped while the broker is away."""
    bench = Bench(publisher=FakePublisher(away=TRIES + 1), stopping=True)
    for _ in range(TRIES + 1):
        with pytest.raises(Stopping):
            bench.run(suspect())
    assert set(bench.store.attempts.values()) == {0}
    bench.run(suspect())
    assert {message.exchange for message in bench.publisher.published} == {topology.EVENTS, topology.AGENTS}
