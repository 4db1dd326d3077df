"""Every two commands about the same ticket or account, on the real database: at once in two instances of intake, and
beside each other in one turn, they leave and answer what one after the other would have.

That each such end is the proper one is held, without a database, by tests/unit/intake/test_all_pairs.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace as altered

from contracts.accounts import TemporaryOpenedOutcome
from contracts.outcomes import Accepted, Rejected
from contracts.payload import Payload
from contracts.tickets import Listed
from deploy.local.stack import Stack
from services.chassis.database import Conflict
from services.chassis.decision import Decision, Message
from services.chassis.unit_of_work import Store
from services.intake.documents import account_document, account_of, agent_document, entry_of, ticket_of
from services.intake.domain.decide import decide
from services.intake.domain.values.account import Account
from services.intake.domain.values.mailed_code import MAILED_EVERY
from services.intake.domain.values.prepared import Prepared
from services.intake.domain.values.ticket import Ticket
from tests.integration.interleaving import Interrupted, interruptible
from tests.integration.racing import (
    INDEXES,
    OF_ACCOUNTS,
    OF_THE_OTHERS,
    Decided,
    How,
    Instance,
    Scene,
    message_of,
    put_down,
)
from tests.integration.turn_stores import stores
from tests.unit.intake.desk import account, submission, temporary
from tests.unit.intake.pairs import AGENTS, COMMANDS, NOW, PAIRS, meeting

Pair = tuple[str, str]


def with_one_of(*names: str, of: Iterable[Pair]) -> list[Pair]:
    return [pair for pair in of if {*names} & {*pair}]


ALL = [*COMMANDS, *OF_ACCOUNTS]
WITH_AN_ACCOUNT = [
    (first, second)
    for first in ALL
    for second in ALL
    if {first, second} & {*OF_ACCOUNTS} and (first, second) != ("end", "end")  # of an account there is one timer
]
WITH_THE_OTHERS = [
    pair for first in ("confirm", "merge_account") for name in OF_THE_OTHERS for pair in ((first, name), (name, first))
]


@dataclass(frozen=True)
class Where:
    """The status of the first ticket, what is different in the scene, and which pairs meet there."""

    status: str
    how: How
    pairs: Sequence[Pair]


WHERE: Mapping[str, Where] = {
    "assigned": Where("assigned", "", [*PAIRS, *WITH_AN_ACCOUNT, *WITH_THE_OTHERS]),
    "solution_suggested": Where("solution_suggested", "", with_one_of("accept", "auto_close", of=PAIRS)),
    "held": Where("held", "", with_one_of("release", of=PAIRS)),
    "closed": Where(
        "closed", "", [pair for pair in PAIRS if {*pair} <= {"submit", "refer", "reply", "take_in", "reopen"}]
    ),
    "both closed": Where("closed", "may end", WITH_AN_ACCOUNT),
    "account has ended": Where("closed", "ending", with_one_of("end", of=WITH_AN_ACCOUNT)),
    "account has joined": Where("assigned", "joined", WITH_AN_ACCOUNT),
    "two have confirmed": Where("assigned", "two", with_one_of("confirm", "merge_account", of=WITH_AN_ACCOUNT)),
}
"""All pairs; and from other statuses, and with other accounts, those that are about them alone."""

Left = tuple[list[Ticket], list[Account]]


@pytest.mark.parametrize("where", WHERE)
def test_two_commands_that_meet_end_as_one_after_the_other(stack: Stack, where: str) -> None:
    pairs, how, alike = WHERE[where].pairs, WHERE[where].how, meeting(WHERE[where].status)
    in_turn, in_one_turn, at_once = (
        # All places have as many digits, and so all histories as many bytes.
        [Scene(alike, 10_000 * way + place, how) for place in range(len(pairs))]
        for way in (1, 2, 3)
    )
    with stores(stack, "intake", 2, INDEXES) as (store, other_store):
        store.database["agents"].insert_many([agent_document(agent) for agent in AGENTS])
        prepared = put_down(store, [*in_turn, *in_one_turn, *at_once])
        first, second = Instance(store, "first"), Instance(other_store, "second")

        sent = [messages(scene, pair) for scene, pair in zip(in_turn, pairs, strict=True)]
        apart = zip(*(first.take([pair[place] for pair in sent], prepared) for place in (0, 1)), strict=True)

        sent = [messages(scene, pair) for scene, pair in zip(in_one_turn, pairs, strict=True)]
        # Timers have turns of their own.
        commands = [message for pair, both in zip(pairs, sent, strict=True) if "end" not in pair for message in both]
        together = iter(first.take(commands, prepared))

        for pair, answers in zip(pairs, apart, strict=True):
            if "end" not in pair:
                assert [said(next(together)), said(next(together))] == [said(answer) for answer in answers], pair

        sent = [messages(scene, pair) for scene, pair in zip(at_once, pairs, strict=True)]
        believed = [second.decide([message], prepared) for _, message in sent]
        decided = first.decide([message for message, _ in sent], prepared)
        first.commit(decided.view)
        raced = {pair for pair, turn in zip(pairs, believed, strict=True) if not stored(second, turn)}
        second.take([message for pair, (_, message) in zip(pairs, sent, strict=True) if pair in raced], prepared)

        left = what_is_left(store)
    ends = {pair: left[scene.place] for pair, scene in zip(pairs, in_turn, strict=True)}
    for pair, beside, met, turn in zip(pairs, in_one_turn, at_once, believed, strict=True):
        if "end" not in pair:
            assert left[beside.place] == ends[pair], ("in one turn", pair)
        # What met somebody came second, and what wrote nothing came first.
        ways = [pair] if pair in raced else [pair[::-1], *([pair] if turn.decisions[0].changes else [])]
        assert left[met.place] in [ends[way] for way in ways], ("at once", pair)
    assert raced


MOVING = ("confirm", "merge_account")
"""What gives tickets to another person."""


@pytest.mark.parametrize("where", ["assigned", "both closed"])
def test_a_turn_decides_by_what_stood_at_one_moment(stack: Stack, where: str) -> None:
    """Tickets become another person's between any two queries of a turn: it answers what it would have before, or what
    it would after that, or it notices when it writes. (A refusal, a view and a list write nothing.)"""
    alike = meeting(WHERE[where].status)
    pairs = [pair for pair in WHERE[where].pairs if pair[0] in MOVING]
    with stores(stack, "intake", 2, INDEXES) as (store, other_store), interruptible():
        store.database["agents"].insert_many([agent_document(agent) for agent in AGENTS])
        first, second = Instance(store, "first"), Instance(other_store, "second")

        def scenes(way: int) -> tuple[list[tuple[Message[Any], Message[Any]]], Prepared]:
            there = [Scene(alike, 10_000 * way + place, WHERE[where].how) for place in range(len(pairs))]
            return [messages(scene, pair) for scene, pair in zip(there, pairs, strict=True)], put_down(store, there)

        sent, prepared = scenes(1)
        before = second.decide([after for _, after in sent], prepared).decisions
        first.take([moving for moving, _ in sent], prepared)
        after = second.take([after for _, after in sent], prepared)
        proper = dict(zip(pairs, zip(map(said, before), map(said, after), strict=True), strict=True))
        queries = 1
        while pairs:
            sent, prepared = scenes(1 + queries)
            begun = [Interrupted(partial(second.decide, [after], prepared), queries) for _, after in sent]
            met = [(pair, each) for pair, each in zip(pairs, begun, strict=True) if not each.has_ended]
            first.take([moving for moving, _ in sent], prepared)
            for pair, interrupted in met:
                turn = interrupted.result()
                assert said(turn.decisions[0]) in proper[pair] or not stored(second, turn), (pair, queries)
            pairs = [pair for pair, _ in met]
            queries += 1
    assert queries > 3, "some of them send several queries"


def test_a_list_with_a_case_on_it_has_a_page(stack: Stack) -> None:
    """The case is filed between any two queries of the list."""
    with stores(stack, "intake", 2, INDEXES) as (store, other_store), interruptible():
        first, second = Instance(store, "first"), Instance(other_store, "second")
        seen = []
        for queries in range(1, 9):
            ann = account(f"ann{queries}")
            listing = Interrupted(partial(second.decide, [message_of("ticket.list", 1, requester=ann)]), queries)
            first.take([message_of("ticket.submit", 100 + queries, **submission(ann))])
            _, tickets, pages = said(listing.result().decisions[0])
            seen.append((tickets, pages))
    assert {(0, 0), (1, 1)} == set(seen)


def messages(scene: Scene, pair: Pair) -> tuple[Message[Any], Message[Any]]:
    return scene.message(pair[0], 1), scene.message(pair[1], 2)


def stored(instance: Instance, turn: Decided) -> bool:
    """Whether nobody was faster."""
    try:
        instance.commit(turn.view)
    except Conflict:
        return False
    return True


def said(decision: Decision) -> Any:
    """The answer: of a refusal why, of a list how long it is."""
    answer = decision.answer
    if answer is None:
        return None
    match answer.data:
        case Rejected(code=code):
            return answer.type, code
        case Listed(tickets=tickets, pages=pages):
            return answer.type, len(tickets), pages
    return answer.type


def what_is_left(store: Store) -> Mapping[int, Left]:
    """What the database holds of each scene, in words that are the same in all; versions without gaps, an entry each;
    nobody has an issue open twice."""
    entries: dict[str, list[int]] = defaultdict(list)
    for row in store.database["entries"].find():
        entry = entry_of(row)
        entries[entry.ticket_id].append(entry.version)
    left: dict[int, Left] = defaultdict(lambda: ([], []))
    for row in store.database["tickets"].find():
        ticket = ticket_of(row)
        assert sorted(entries[ticket.id]) == list(range(1, ticket.version + 1)), ticket
        left[place_of(ticket.person)][0].append(in_any_scene(ticket))
    for row in store.database["accounts"].find():
        owner = account_of(row)
        names = {"key": who(owner.key), "joined": who(owner.joined), "merged_into": who(owner.merged_into)}
        left[place_of(owner.key)][1].append(replace(owner, contact_email=owner.contact_email and "-", **names))
    for tickets, owners in left.values():
        tickets.sort(key=lambda ticket: (ticket.number, ticket.person, ticket.key))
        owners.sort(key=lambda owner: owner.key)
        held = [(ticket.person, ticket.key) for ticket in tickets if ticket.is_open]
        assert len(held) == len(set(held))
    return left


def in_any_scene(ticket: Ticket) -> Ticket:
    """Without what is different in each scene."""
    return replace(
        ticket,
        id="",
        number=role(ticket.number),
        person=who(ticket.person),
        requester=altered(ticket.requester, id=who(ticket.requester.id)),
        merged_into=ticket.merged_into and role(ticket.merged_into),
        links=tuple(sorted(map(role, ticket.links))),
    )


def place_of(key: str) -> int:
    """The scene's, by an account in it."""
    return int(key.partition(":")[2][1:])


def who(key: Any) -> Any:
    """An account's part in any scene."""
    return key and str(key).rstrip("0123456789")


def role(number: str) -> str:
    """A ticket's part in any scene."""
    half, second = divmod(int(number) - 20_000_000, 2)
    return "new" if half < 0 else "held" if half >= 500_000 else ("ticket", "other")[second]


@pytest.mark.parametrize("name", ["submit", "merge"])
def test_what_opens_as_its_person_is_erased_meets_the_erasure(stack: Stack, name: str) -> None:
    """Its account was one person with another. Afterwards it is not, and could not find its ticket."""
    with stores(stack, "intake", 2, INDEXES) as (first, second):
        confirmed = partial(Account, version=1, contact_email=EMAILS[0], contact_version=1, confirmed_version=1)
        accounts = [
            confirmed("account:root", confirmed_at=NOW, leads=True),
            confirmed("account:ann", confirmed_at=NOW, joined="account:root"),
            Account("temporary:t1", 1, EMAILS[0], 1, secret_hash="-", opened_at=NOW),
        ]
        first.database["accounts"].insert_many(map(account_document, accounts))
        one, two = Instance(first, "one"), Instance(second, "two")
        right = Prepared(verified=frozenset([("t1", "right")]))
        opening = {
            "submit": message_of("ticket.submit", 1, **submission(account("ann"))),
            "merge": message_of("account.merge", 1, requester=account("ann"), **temporary("t1", "right")),
        }[name]
        erased = one.decide([message_of("account.erase", 2, requester=account("ann"), content=True)])
        opened = two.decide([opening], right)
        one.commit(erased.view)
        with pytest.raises(Conflict):
            two.commit(opened.view)


def test_codes_for_one_address_that_are_asked_for_at_once_are_mailed_once(stack: Stack) -> None:
    """Also the first that is ever mailed there: by two who open accounts, or ask, in two instances."""
    with stores(stack, "intake", 2, INDEXES) as (first, second):
        instances = Instance(first, "one"), Instance(second, "two")

        def at_once(messages: Sequence[Message[Any]], prepared: Prepared) -> list[Payload]:
            views = []
            for instance, message in zip(instances, messages, strict=True):
                views.append((instance.repository.load([message], at, prepared), message))
            answers = []
            for instance, (view, message) in zip(instances, views, strict=True):
                decision = decide(view, message, at)
                for change in decision.changes:
                    view.apply(change)
                try:
                    instance.commit(view)
                except Conflict:
                    view = instance.repository.load([message], at, prepared)
                    decision = decide(view, message, at)
                    for change in decision.changes:
                        view.apply(change)
                    instance.commit(view)
                assert decision.answer is not None
                answers.append(decision.answer.data)
            return answers

        at = long_ahead = NOW + timedelta(days=36_500)  # else the database forgets it by its own clock
        opening = [message_of("account.open_temporary", n, contact_email=EMAILS[n]) for n in range(2)]
        heard = at_once(opening, Prepared(secret_hashes={message.key: "-" for message in opening}))
        opened = [outcome for outcome in heard if isinstance(outcome, TemporaryOpenedOutcome)]
        assert [outcome.code_at is not None for outcome in opened] == [False, True]
        ids = [outcome.account_id for outcome in opened]
        asking = [
            message_of("account.confirm_contact", 2 + n, requester=temporary(id_, "right")) for n, id_ in enumerate(ids)
        ]
        right = Prepared(verified=frozenset((id_, "right") for id_ in ids))
        refused = [outcome for outcome in at_once(asking, right) if isinstance(outcome, Rejected)]
        assert [refusal.code for refusal in refused] == ["rate_limited"] * 2
        at = long_ahead + MAILED_EVERY
        assert [type(outcome) for outcome in at_once(asking, right)] == [Accepted, Rejected]
        (kept,) = first.database["codes_mailed"].find()
        assert (kept["at"], kept["revision"]) == (at, 2)


EMAILS = ("zoe@example.org", "Zoe@Example.org")
