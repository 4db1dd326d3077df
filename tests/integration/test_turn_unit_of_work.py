"""The unit of work on the real database: all or nothing, lost races, and what is found again after a crash."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from pymongo import ASCENDING, IndexModel
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from contracts import topology
from contracts.outcomes import Accepted
from deploy.local.stack import Stack
from services.chassis.database import Conflict
from services.chassis.decision import Answer, Arm, Decision, Message
from services.chassis.outgoing import Outgoing
from services.chassis.reading import Delivery
from services.chassis.rules import Rules
from services.chassis.turn import TRIES, Turn
from services.chassis.unit_of_work import REMEMBERED, ArmedBy, Handled, Store, Work, Write
from services.routing.domain.presence import AwayTimer
from tests.fakes import FakePublisher
from tests.integration.turn_stores import stores

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
ONE_OPEN = IndexModel(
    [("person", ASCENDING), ("open_key", ASCENDING)],
    unique=True,
    partialFilterExpression={"open_key": {"$type": "string"}},
)


INDEXES = {"things": [ONE_OPEN], "pool": []}


@pytest.fixture
def both(stack: Stack) -> Iterator[list[Store]]:
    """One prepared store, as two instances have it."""
    with stores(stack, "intake", 2, INDEXES) as opened:
        yield opened


@pytest.fixture
def store(both: list[Store]) -> Store:
    """As one of them has it."""
    return both[0]


@pytest.fixture
def other_store(both: list[Store]) -> Store:
    """As the other has it."""
    return both[1]


def a_work(turn: str, *writes: Write, key: str | None = None) -> Work:
    """What a turn of one message stores."""
    key = key or f"web\x1f{turn}"
    return Work(
        turn,
        NOW,
        writes=list(writes),
        handled=[Handled(key, turn, "command.accepted", f"answer to {key}", b"{}")],
        outgoing=[Outgoing(topology.EVENTS, "ticket.opened", f"event of {turn}", "ticket.opened", b"{}")],
        timers=[(Arm(f"timer of {turn}", AwayTimer(due=NOW), "t1"), ArmedBy(key, key))],
    )


def stored(store: Store) -> dict[str, list[Any]]:
    """Ids in every collection."""
    names = ("things", "pool", "handled", "outbox", "timers")
    return {name: [row["_id"] for row in store.database[name].find().sort("_id")] for name in names}


def moved_on(id_: str, version: int) -> Write:
    """A thing in its next version, conditional on the one that was read."""
    return Write("things", {"_id": id_, "version": version + 1}, replaces=("version", version))


def test_what_is_too_old_by_the_databases_clock_is_not_stored(store: Store) -> None:
    work = a_work("t1", Write("things", {"_id": "one", "version": 1}))
    work.valid_until = store.now() - timedelta(milliseconds=1)
    with pytest.raises(Conflict):
        store.commit(work)
    assert store.database["things"].find_one() is None
    work.valid_until = store.now() + timedelta(minutes=1)
    store.commit(work)
    assert store.database["things"].find_one() == {"_id": "one", "version": 1}


def test_it_stores_all_and_finds_it_again(store: Store) -> None:
    store.commit(a_work("turn-1", Write("things", {"_id": "a", "version": 1})))

    assert stored(store)["things"] == ["a"]
    (found,) = store.handled(["web\x1fturn-1", "web\x1funheard"]).values()
    assert found == Handled("web\x1fturn-1", "turn-1", "command.accepted", "answer to web\x1fturn-1", b"{}")
    (message,) = store.unsent(["turn-1", "turn-9"])
    assert message == Outgoing(topology.EVENTS, "ticket.opened", "event of turn-1", "ticket.opened", b"{}")
    store.sent(["turn-1"])
    now = store.database["outbox"].with_options(read_concern=ReadConcern("local"))  # removed without waiting for all
    assert now.count_documents({}) == 0


def test_a_missed_condition_in_a_bulk_aborts_everything(store: Store) -> None:
    """MongoDB itself would silently store the other 99."""
    store.database["things"].insert_many([{"_id": f"{n:02}", "version": 1} for n in range(100)])
    before = stored(store)
    writes = [moved_on(f"{n:02}", 2 if n == 50 else 1) for n in range(100)]

    with pytest.raises(Conflict):
        store.commit(a_work("turn-1", *writes))

    assert stored(store) == before
    assert store.database["things"].count_documents({"version": 1}) == 100


def test_a_key_changes_hands_within_a_turn(store: Store) -> None:
    """One ticket closes, another of the same issue is filed."""
    store.commit(a_work("turn-1", Write("things", {"_id": "a", "version": 1, "person": "ada", "open_key": "order-1"})))
    filed = Write("things", {"_id": "b", "version": 1, "person": "ada", "open_key": "order-1"})
    closed = Write("things", {"_id": "a", "version": 2, "person": "ada"}, replaces=("version", 1))
    store.commit(a_work("turn-2", filed, closed))
    assert stored(store)["things"] == ["a", "b"]


def test_a_key_that_is_taken_is_a_conflict(store: Store) -> None:
    first = Write("things", {"_id": "a", "person": "ada", "open_key": "order-1"})
    store.commit(a_work("turn-1", first))
    before = stored(store)
    second = Write("things", {"_id": "b", "person": "ada", "open_key": "order-1"})
    with pytest.raises(Conflict):
        store.commit(a_work("turn-2", second))
    assert stored(store) == before


def test_a_message_is_handled_once(store: Store) -> None:
    store.commit(a_work("turn-1", key="web\x1fone"))
    before = stored(store)
    with pytest.raises(Conflict):
        store.commit(a_work("turn-2", Write("things", {"_id": "a"}), key="web\x1fone"))
    assert stored(store) == before


def test_ids_are_scoped_to_the_consumer_and_the_sender(store: Store) -> None:
    store.commit(a_work("turn-1", key="web\x1fone"))
    store.commit(a_work("turn-2", key="game\x1fone"))
    Store(store.database, "routing").commit(a_work("turn-3", key="web\x1fone"))
    assert len(stored(store)["handled"]) == 3


def test_instances_at_once_store_once(store: Store, other_store: Store) -> None:
    """The same key, from several connections at the same instant: one commits, the others conflict."""
    start = threading.Barrier(6)
    outcomes: list[str] = []

    def race(number: int) -> None:
        thing = Write("things", {"_id": f"{number}", "person": "ada", "open_key": "order-1"})
        start.wait()
        try:
            (store, other_store)[number % 2].commit(a_work(f"turn-{number}", thing))
            outcomes.append("stored")
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=race, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 5 + ["stored"]
    assert {name: len(ids) for name, ids in stored(store).items() if name != "pool"} == dict.fromkeys(
        ("things", "handled", "outbox", "timers"), 1
    )


def test_write_skew_is_guarded_by_the_pool(store: Store, other_store: Store) -> None:
    """Two turns that each read what the other changes write different documents: the shared one makes them conflict."""
    store.database["pool"].insert_one({"_id": "pool", "revision": 1})

    def turn(name: str, thing: str) -> Work:
        guard = Write("pool", {"_id": "pool", "revision": 2}, replaces=("revision", 1))
        return a_work(name, guard, Write("things", {"_id": thing}))

    store.commit(turn("turn-1", "an agent"))
    with pytest.raises(Conflict):
        other_store.commit(turn("turn-2", "a ticket"))
    assert stored(store)["things"] == ["an agent"]


def test_many_large_messages_go_into_several_documents(store: Store) -> None:
    """MongoDB takes 16 MiB a document; a turn may say more than that."""
    work = a_work("turn-1")
    work.outgoing = [Outgoing("", "k", f"{n}", "t", bytes([n]) * 3_000_000) for n in range(8)]
    store.commit(work)
    assert len(stored(store)["outbox"]) > 1
    assert [message.message_id for message in store.unsent(["turn-1"])] == [f"{n}" for n in range(8)]


def test_what_is_left_unsent_is_found_after_a_while_by_one_sweeper(store: Store, other_store: Store) -> None:
    store.commit(a_work("turn-1"))  # in January, by the clock that it was given
    fresh = a_work("turn-2")
    fresh.now = store.now()
    store.commit(fresh)
    assert store.left_unsent(timedelta(seconds=10)) == ["turn-1"]
    assert other_store.left_unsent(timedelta(seconds=10)) == []


def test_attempts_are_counted_until_forgotten(store: Store, other_store: Store) -> None:
    assert [store.count_attempt("m"), other_store.count_attempt("m"), store.count_attempt("n")] == [1, 2, 1]
    store.uncount_attempt("m")
    assert other_store.count_attempt("m") == 2
    store.forget_attempts("m")
    assert other_store.count_attempt("m") == 1


def test_handled_ids_are_kept_for_14_days(store: Store) -> None:
    store.prepare(INDEXES)
    indexes = store.database["handled"].list_indexes()
    assert [index["expireAfterSeconds"] for index in indexes if "at" in index["key"]] == [14 * 24 * 3600]
    assert timedelta(days=14) == REMEMBERED


def test_preparing_again_is_harmless(store: Store, other_store: Store) -> None:
    """Each instance of a release prepares the database as it starts, beside others that are at work."""
    store.prepare(INDEXES)
    store.commit(a_work("turn-1", Write("things", {"_id": "a", "version": 1})))
    before = (stored(store), indexes(store))
    other_store.prepare(INDEXES)
    assert (stored(store), indexes(store)) == before


def indexes(store: Store) -> dict[str, dict[str, Any]]:
    """Those of every collection, by name."""
    return {
        name: dict(store.database[name].index_information()) for name in sorted(store.database.list_collection_names())
    }


@pytest.mark.parametrize("command", [{"buildInfo": 1}, {"distinct": "things", "key": "a"}, {"serverStatus": 1}])
def test_what_the_stable_api_has_not_is_refused(store: Store, command: dict[str, Any]) -> None:
    """So what passes on MongoDB 6.0 holds on 7 and 8."""
    with pytest.raises(OperationFailure) as refused:
        store.database.command(command)
    assert refused.value.code == 323  # APIStrictError


def test_the_clock_is_the_databases_aware_and_to_the_millisecond(store: Store) -> None:
    now = store.now()
    assert now.utcoffset() == timedelta(0)
    assert now.microsecond % 1000 == 0


def test_a_clock_may_be_set_ahead_of_the_databases(store: Store) -> None:
    ahead = Store(store.database, "intake", timedelta(days=8))
    assert timedelta(days=8) <= ahead.now() - store.now() + timedelta(seconds=1) < timedelta(days=8, seconds=10)


class NothingStored:
    """A repository of a service without state."""

    def load(self, messages: Sequence[Message[Any]], now: datetime) -> Any:
        return None

    def writes(self, view: Any) -> list[Write]:
        return []


def test_what_a_killed_instance_holds_is_waited_for_and_not_dead_lettered(store: Store, other_store: Store) -> None:
    """`kill -9` in the middle of a transaction: MongoDB keeps what it wrote locked until the transaction expires.

    The redelivered message loses every race until then. It is given back to be tried later, however often.
    """
    publisher = FakePublisher()
    rules = Rules(
        NothingStored(), lambda _view, _message, _now: Decision(answer=Answer("command.accepted", Accepted()))
    )
    turn = Turn("intake", rules, store, publisher, sleep=lambda _seconds: None)
    event = {"specversion": "1.0", "id": "one", "type": "account.open_temporary", "source": "/channels/web"}
    body = orjson.dumps({**event, "time": "2026-01-05T12:00:00Z", "data": {}})
    delivery = Delivery("intake.commands", topology.INTAKE, "account.open_temporary", body, {"user_id": "web"})
    with other_store.database.client.start_session() as session, session.start_transaction():
        other_store.database["handled"].insert_one({"_id": "intake\x1fweb\x1fone"}, session=session)
        for _ in range(TRIES + 1):
            assert turn.run([delivery]) == [delivery]
        session.abort_transaction()

    assert turn.run([delivery]) == []
    assert [message.type for message in publisher.published] == ["command.accepted"]
