"""Random bytes, random JSON and spoilt messages by the thousand, among good ones, to every place that channels and
agents can write to, and as the administrator to the services' own queues.

Afterwards every service is still the same process, every good message has its one outcome, and each odd one was
answered or is in the dead letters as it was sent. Everything is drawn from a seed: `python -m tests.system.fuzz --seed
7 --count 10000` runs on a broker and a database of its own. The page is docs/testing.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from contracts import registry
from contracts.envelope import CONTENT_TYPE
from contracts.names import AGENT_PREFIX, DEAD, DESK, INTAKE, QUESTIONS, SERVICES, source_of
from deploy.local.rabbitmq import ADMIN
from deploy.local.stack import ROOT, Stack
from tests import odd_input
from tests.raw_amqp import UNREADABLE, USER_ID, confirmed, open_channel, publish_raw, short
from tests.system.client import Listener, command, submission
from tests.system.house import WORK_QUEUES, House, emptied

HOSTILE_CHANNEL, HOSTILE_AGENT, HONEST = "web", f"{AGENT_PREFIX}a2", "game"
BATCH = 50
PATIENCE = 120.0
LOSSLESS = [queue for queue in WORK_QUEUES if not queue.endswith(".questions")]
"""Questions may be dropped."""


@dataclass(frozen=True, slots=True)
class Odd:
    """An odd message that the broker has taken."""

    user: str
    body: bytes

    @property
    def answered_as(self) -> tuple[str, str] | None:
        """The sender and the id by which an answer to it would be known."""
        try:
            id_ = json.loads(self.body)["id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        return (self.user, id_) if isinstance(id_, str) else None


def fuzz(house: House, seed: int, count: int, say: Callable[[str], None] = print) -> None:
    """`count` messages, half of them odd. Raises AssertionError with what is wrong afterwards."""
    dice = Random(seed)
    house.start()
    pids = {service: house.desk.pid(service) for service in SERVICES}
    house.sign_on("a1", capacity=100, answer=lambda _ticket: ("ticket.close", {"reason": "Answered."}))
    listener = Listener(
        house.desk.amqp_url(HOSTILE_AGENT), HOSTILE_AGENT, f"{HOSTILE_AGENT}.inbox", house.ledger.note_heard
    )
    sent: list[Odd] = []
    try:
        for number in range(0, count, 2 * BATCH):
            odd = min(BATCH, (count - number) // 2)
            issues = range(number, number + odd)
            house.send(HONEST, [command(HONEST, "ticket.submit", submission(f"honest-{n}", "order-1")) for n in issues])
            sent += send_odd(house, dice, odd)
        house.wait_for_outcomes(PATIENCE)
        dead = settled(house, sent)
    finally:
        listener.close()
    say(f"seed {seed}: {count} messages, {len(sent)} of them odd: {len(dead)} dead-lettered")
    raised = {reason for _, reason in dead if "Error: " in reason and not reason.startswith("not ")}
    assert not raised, f"decided with an exception: {raised}"
    assert {service: house.desk.pid(service) for service in SERVICES} == pids, (
        "a service is not the process that it was"
    )
    assert all(heard.type == "ticket.opened" for heard in outcomes(house, HONEST)), "an honest request came to nothing"
    house.assert_clean(PATIENCE)


def send_odd(house: House, dice: Random, count: int) -> list[Odd]:
    """This many odd messages, by a channel, an agent and, into the services' own queues, the administrator."""
    sent: list[Odd] = []
    with house.bus(HOSTILE_CHANNEL) as channel, house.bus(HOSTILE_AGENT) as agent, house.bus(ADMIN) as admin:
        for _ in range(count):
            bus = dice.choice((channel, channel, agent, agent, admin))
            if bus is admin:
                body = odd_input.noise(dice, dice.choice(GOOD[HOSTILE_CHANNEL])[1])
                user = dice.choice((ADMIN, "intake", "routing", None))
                bus.publish("", dice.choice(LOSSLESS), body, user_id=user)
                sent.append(Odd("", body))
                continue
            type_, body = odd_command(dice, bus.user)
            asks = registry.command(type_) is None
            if asks or dice.random() < 0.05:  # it need be neither answered nor dead-lettered, and harms nobody
                asked = registry.question(type_ if asks else "ticket.view")
                assert asked is not None, f"{type_} is no command"
                bus.publish(QUESTIONS, asked.key_of(bus.user), body, **odd_properties(dice, bus.user))
                continue
            exchange = INTAKE if bus is channel else DESK
            if dice.random() < 0.05:
                raw(house, bus.user, exchange, type_, body, dice.choice(list(UNREADABLE.values())))
            else:
                bus.publish(exchange, type_, body, **odd_properties(dice, bus.user))
            sent.append(Odd(bus.user, body))
        for bus in (channel, agent, admin):
            bus.settle()
            assert not bus.refused
            assert not bus.returned
    return sent


def odd_command(dice: Random, user: str) -> tuple[str, bytes]:
    """A type that the user may write, and something that pretends to be such a command."""
    type_, good = dice.choice(GOOD[user])
    event = json.loads(good)
    event["id"] = f"odd-{dice.getrandbits(64):x}"
    if dice.random() < 0.3:
        return type_, odd_input.noise(dice, json.dumps(event).encode())
    return type_, odd_input.encoded(dice, odd_input.mutated(dice, event))


def odd_properties(dice: Random, user: str) -> dict[str, Any]:
    """Properties that a client can write and the broker takes."""
    found: dict[str, Any] = {"content_type": CONTENT_TYPE} if dice.random() < 0.9 else {}
    for name in ("message_id", "correlation_id", "type", "content_encoding", "app_id", "reply_to"):
        if dice.random() < 0.1:
            found[name] = odd_input.text(dice)[:60]
    if found.get("reply_to") == "amq.rabbitmq.reply-to":
        del found["reply_to"]  # the broker takes it only from consumers
    if dice.random() < 0.1:
        found["reply_to"] = dice.choice((f"{user}.nowhere", "intake.commands", "amq.rabbitmq.reply-to.g1h2AA.xx=="))
    if dice.random() < 0.1:
        found["application_headers"] = {"x-delivery-count": dice.choice((-1, 99, "many", [1])), "x-death": [{}]}
    if dice.random() < 0.02:
        found["expiration"] = "0"
    return found


def raw(house: House, user: str, exchange: str, type_: str, body: bytes, properties: Mapping[int, bytes]) -> None:
    """Publish with properties that no client writes, on a connection of its own, and wait for the confirm."""
    with open_channel(house.desk.amqp_url(user)) as channel:
        publish_raw(channel, exchange, type_, {USER_ID: short(user), **properties}, body)
        confirmed(channel, 1)


def settled(house: House, sent: list[Odd]) -> list[tuple[bytes, str]]:
    """Wait until each odd message was answered or dead-lettered whole. Returns the dead letters, with the reasons."""
    dead: list[tuple[bytes, str]] = []
    deadline = time.monotonic() + PATIENCE
    while True:
        # An outcome that no queue took is copied after it was heard: everything is there once the desk rests.
        rests = not house.unrest()
        dead += dead_letters(house)
        unused = Counter(body for body, _ in dead)
        missing = []
        for odd in sent:
            if odd.answered_as is not None and house.ledger.outcome(*odd.answered_as) is not None:
                continue
            if unused[odd.body]:
                unused[odd.body] -= 1
            else:
                missing.append(odd)
        if rests and not missing:
            strangers = [reason for body, reason in dead if unused[body] > 0]
            assert not strangers, f"dead-lettered, although nobody sent it: {strangers[:5]}"
            return dead
        assert time.monotonic() < deadline, (
            f"at rest: {rests}; {len(missing)} neither answered nor dead-lettered, e.g. {missing[:3]}"
        )
        time.sleep(0.5)


def dead_letters(house: House) -> Iterator[tuple[bytes, str]]:
    """Take out what is in the dead letters now, except copies of outcomes that no queue took."""
    with house.bus(ADMIN) as bus:
        for message in emptied(bus, DEAD):
            headers: Mapping[str, Any] = message.headers or {}
            reason = str(headers.get("x-reason") or headers.get("x-first-death-reason"))
            if reason != "no queue took it":
                yield bytes(message.body) if not isinstance(message.body, str) else message.body.encode(), reason


def outcomes(house: House, user: str) -> list[Any]:
    """The answers that this channel got."""
    return [house.ledger.outcome(sent.user, sent.id) for sent in house.ledger.sent if sent.user == user]


def _good(user: str, folder: str) -> list[tuple[str, bytes]]:
    """The golden commands of a role as `user` would send them, without addresses: other tests try mail."""
    found = []
    for event in odd_input.GOLDEN:
        if event["source"].startswith(folder):
            text = json.dumps({**event, "source": source_of(user)})
            spoilt = json.loads(text)
            spoilt["data"].pop("contact_email", None)
            spoilt["data"].get("requester", {}).pop("email", None)
            found.append((event["type"], json.dumps(spoilt).encode()))
    return found


GOOD = {HOSTILE_CHANNEL: _good(HOSTILE_CHANNEL, "/channels/"), HOSTILE_AGENT: _good(HOSTILE_AGENT, "/agents/")}


def main(arguments: list[str]) -> int:
    """Run one seed on a stack of its own; 0 if everything was in order."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.fuzz", description="Odd messages among good ones.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10_000, help="messages, half of them odd")
    chosen = parser.parse_args(arguments)
    stack = Stack(ROOT / f"test-{os.getpid()}-fuzz")
    try:
        stack.start_servers()
        desk = stack.other_desk(f"fuzz{chosen.seed}")
        desk.prepare()
        house = House(stack, desk)
        try:
            fuzz(house, chosen.seed, chosen.count)
        finally:
            house.close()
    finally:
        stack.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
