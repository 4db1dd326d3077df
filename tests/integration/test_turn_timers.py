"""Timers on the real database: claimed by one of several instances, fired once, and not lost when their claimant
dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from deploy.local.stack import Stack
from services.chassis.database import Conflict
from services.chassis.decision import Arm, Disarm
from services.chassis.timers import Lane, claim_timers, hold_timers
from services.chassis.unit_of_work import ArmedBy, DueTimer, Store, Work
from services.sla.domain.timekeeping import WarningTimer
from tests.integration import turn_stores

HORIZON = timedelta(seconds=0.3)
LEASE = timedelta(seconds=30)
NO_LEASE = timedelta(0)
"""Over as soon as it begins: the instance that claimed has been away for too long."""

INSTANCES = 4


@pytest.fixture
def stores(stack: Stack) -> Iterator[list[Store]]:
    """One store, as several instances have it."""
    with turn_stores.stores(stack, "sla", INSTANCES, {}) as opened:
        yield opened


def arm(store: Store, *timers: Arm | Disarm, by: str = "web\x1fone", fired: tuple[DueTimer, ...] = ()) -> None:
    """A turn that sets or removes timers, and fires those it has claimed."""
    work = Work(f"turn by {by}", store.now(), timers=[(timer, ArmedBy(by, by)) for timer in timers], fired=list(fired))
    store.commit(work)


def timer(id_: str, due: datetime) -> Arm:
    return Arm(id_, WarningTimer(due=due, clock=id_), f"ticket of {id_}")


def claim(store: Store, owner: str, lease: timedelta = LEASE, most: int = 200) -> list[DueTimer]:
    return claim_timers(store, HORIZON, lease, owner, most)


def test_what_is_due_is_claimed_in_its_order_and_comes_as_it_was_armed(stores: list[Store]) -> None:
    store, now = stores[0], stores[0].now()
    ago = [now - timedelta(seconds=seconds) for seconds in (1, 3, 2)]
    arm(
        store, *(timer(f"t{number}", due) for number, due in enumerate(ago)), timer("later", now + timedelta(minutes=1))
    )

    claimed = claim(store, "a")
    assert [timer.id for timer in claimed] == ["t1", "t2", "t0"]
    first = claimed[0]
    assert (first.due, first.kind, first.about, first.data) == (ago[1], "warning", "ticket of t1", {"clock": "t1"})
    assert first.armed.by == "web\x1fone"


def test_what_falls_due_within_the_horizon_is_claimed_ahead(stores: list[Store]) -> None:
    now = stores[0].now()
    arm(stores[0], timer("soon", now + timedelta(seconds=0.2)), timer("far", now + timedelta(seconds=60)))
    assert [timer.id for timer in claim(stores[0], "a")] == ["soon"]


def test_several_instances_at_once_claim_each_timer_once(stores: list[Store]) -> None:
    due = stores[0].now() - timedelta(seconds=1)
    arm(stores[0], *(timer(f"t{number:03}", due) for number in range(200)))
    start = threading.Barrier(INSTANCES)
    claimed: list[list[DueTimer]] = [[] for _ in stores]

    def take(place: int) -> None:
        start.wait()
        while found := claim(stores[place], f"instance {place}", most=20):
            claimed[place] += found

    threads = [threading.Thread(target=take, args=(place,)) for place in range(INSTANCES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = claim(stores[0], "last")  # an instance gives up when others were faster with everything that it had found
    ids = [timer.id for found in [*claimed, left] for timer in found]
    assert sorted(ids) == [f"t{number:03}" for number in range(200)]


def test_a_lane_claims_its_own_timers_and_the_rest_what_is_in_none(stores: list[Store]) -> None:
    store, due = stores[0], stores[0].now() - timedelta(seconds=1)
    lanes = {"m1": "mail", "m2": "mail", "h1": "webhook:crm", "old": "", "gone": "webhook:gone"}
    arm(store, *(replace(timer(id_, due), lane=lane) for id_, lane in lanes.items()))
    horizon = timedelta(0)

    def claimed(lane: Lane) -> set[str]:
        return {timer.id for timer in claim_timers(store, horizon, LEASE, f"{lane}", 200, lane)}

    assert claimed(Lane("mail")) == {"m1", "m2"}
    assert claimed(Lane("mail")) == set()
    assert claimed(Lane(but=("mail", "webhook:crm"))) == {"old", "gone"}
    assert claimed(Lane()) == {"h1"}, "without lanes all are claimed"


def test_the_timers_of_a_lane_are_found_by_its_index(stores: list[Store]) -> None:
    store, due = stores[0], stores[0].now() - timedelta(seconds=1)
    arm(store, *(replace(timer(f"t{number}", due), lane=f"lane {number % 20}") for number in range(400)))
    query = {**Lane("lane 7").condition, "due": {"$lte": due}, "lease_until": {"$lte": store.now()}}
    plan = store.timers.find(query).sort("due", 1).limit(50).explain()
    assert "lane_1_due_1" in str(plan["queryPlanner"]["winningPlan"])


def test_a_timer_fires_once(stores: list[Store]) -> None:
    """Firing removes it, with the turn's effect."""
    store = stores[0]
    arm(store, timer("t", store.now()))
    (claimed,) = claim(store, "a")
    arm(store, fired=(claimed,))
    assert store.database["timers"].count_documents({}) == 0
    with pytest.raises(Conflict):
        arm(store, fired=(claimed,))


def test_a_timer_fires_after_the_lease_of_who_died_ran_out(stores: list[Store]) -> None:
    dead, alive, late = stores[:3]
    arm(dead, timer("t", dead.now()))
    (lost,) = claim(dead, "dead", NO_LEASE)
    (claimed,) = claim(alive, "alive")
    assert claim(late, "late") == []
    assert (alive.standing([claimed]), dead.standing([lost])) == ({"t"}, set())

    with pytest.raises(Conflict):
        arm(dead, fired=(lost,))  # it was only slow: the fence keeps it from firing too
    arm(alive, fired=(claimed,))
    assert alive.database["timers"].count_documents({}) == 0


def test_a_timer_that_was_set_again_does_not_fire_as_it_was(stores: list[Store]) -> None:
    """A reply came while the closing was firing."""
    store, later = stores[0], stores[0].now() + timedelta(days=7)
    arm(store, timer("t", store.now()))
    (claimed,) = claim(store, "a")
    arm(stores[1], timer("t", later), by="web\x1ftwo")
    assert store.standing([claimed]) == set()
    with pytest.raises(Conflict):
        arm(store, fired=(claimed,))
    (row,) = store.database["timers"].find()
    assert row["due"] == later


def test_a_timer_that_was_removed_does_not_fire(stores: list[Store]) -> None:
    store = stores[0]
    arm(store, timer("t", store.now()))
    (claimed,) = claim(store, "a")
    arm(stores[1], Disarm("t"))
    assert store.standing([claimed]) == set()
    with pytest.raises(Conflict):
        arm(store, fired=(claimed,))


def test_a_timer_may_set_itself_again_as_it_fires(stores: list[Store]) -> None:
    """Retries do: the new timer is free at once and fires as itself."""
    store = stores[0]
    arm(store, timer("t", store.now()))
    (claimed,) = claim(store, "a")
    arm(store, timer("t", store.now()), by="timer", fired=(claimed,))
    (again,) = claim(store, "a")
    assert again.armed.by == "timer"
    assert again.fence > claimed.fence


def test_arming_and_disarming_in_one_turn_leaves_the_last_word(stores: list[Store]) -> None:
    store, now = stores[0], stores[0].now()
    arm(store, timer("kept", now), Disarm("gone"), timer("gone", now), Disarm("gone"), timer("kept", now - LEASE))
    assert [(timer.id, timer.due) for timer in claim(store, "a")] == [("kept", now - LEASE)]


def test_a_claim_is_held_for_as_long_as_its_turn_is_in_work(stores: list[Store]) -> None:
    slow, other = stores[:2]
    arm(slow, timer("t", slow.now()))
    claimed = claim(slow, "slow", NO_LEASE)
    hold_timers(slow, claimed, "slow", LEASE)
    assert claim(other, "other") == []
    arm(slow, fired=tuple(claimed))


def test_nobody_holds_what_another_has_claimed_since(stores: list[Store]) -> None:
    slow, other = stores[:2]
    arm(slow, timer("t", slow.now()))
    lost = claim(slow, "slow", NO_LEASE)
    claim(other, "other", NO_LEASE)
    hold_timers(slow, lost, "slow", LEASE)
    assert [timer.id for timer in claim(other, "other")] == ["t"]


def test_a_timer_that_its_firing_set_again_is_held_by_nobody(stores: list[Store]) -> None:
    store = stores[0]
    arm(store, timer("t", store.now()))
    claimed = claim(store, "a")
    arm(store, timer("t", store.now()), by="timer", fired=tuple(claimed))
    hold_timers(store, claimed, "a", LEASE)
    assert [timer.id for timer in claim(stores[1], "b")] == ["t"]


@pytest.mark.parametrize("most", [200, 2])
def test_what_a_killed_instance_has_locked_holds_up_no_other_timer(stores: list[Store], most: int) -> None:
    """Its transaction stays open until MongoDB ends it, which takes longer than any timer may wait."""
    dead, alive, now = stores[0], stores[1], stores[0].now()
    arm(dead, *(timer(f"t{number}", now - timedelta(seconds=9 - number)) for number in range(4)))
    with dead.database.client.start_session() as session:
        session.start_transaction()
        dead.timers.delete_many({"_id": {"$in": ["t0", "t1"]}}, session=session)
        assert [timer.id for timer in claim(alive, "alive", most=most)] == ["t2", "t3"]
        session.abort_transaction()
    assert [timer.id for timer in claim(alive, "alive")] == ["t0", "t1"]
