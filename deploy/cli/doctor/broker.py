"""Compares what the broker holds with the topology: users, permissions, exchanges, queues, bindings, readers.

`look` reads by the management API, `judge` is pure. It changes nothing. The page is docs/operating.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from contracts.names import AGENT_PREFIX, CONSOLE, DEAD, OPERATOR, SERVICES, role_of
from contracts.topology import QUEUES, channels_with_our_names, definitions, queues_of
from deploy.provision.management import Management
from services.client.bus import Bus

from .finding import APPLY, Finding, Level, differences, some

OLDEST = (3, 10)
"""RabbitMQ's first version with quorum queues that dead-letter at least once."""

GROWING_FROM = 1000
GROWING_STEPS = 3
"""How many samples, 10 s apart, have to rise one after the other."""

NEARLY_FULL = 0.8

Document = Mapping[str, Any]
SERVICE_QUEUES = tuple(name for service in SERVICES for name in queues_of(service))


@dataclass(frozen=True, slots=True)
class Held:
    """What the broker holds in one vhost, by its API."""

    version: str
    nodes: list[Document]
    users: list[Document]
    permissions: list[Document]
    topic_permissions: list[Document]
    exchanges: list[Document]
    queues: list[Document]
    bindings: list[Document]
    depths: Mapping[str, tuple[int, int]]
    """How many messages wait and how many consumers there are, for the desk's existing queues, at this moment."""


def look(management: Management, vhost: str, amqp_url: str) -> Held:
    """Read everything. Raises ManagementError, ClientError, or one of BROKEN."""
    name = quote(vhost, safe="")
    queues = management.get(f"/queues/{name}?lengths_age=60&lengths_incr=10")
    there = {queue["name"] for queue in queues}
    with Bus(amqp_url) as bus:
        depths = {}
        for queue in (*SERVICE_QUEUES, DEAD):
            if queue in there:
                answer = bus.channel.queue_declare(queue, passive=True)
                depths[queue] = (int(answer.message_count), int(answer.consumer_count))
    return Held(
        management.get("/overview")["rabbitmq_version"],
        management.get("/nodes"),
        management.get("/users"),
        management.get(f"/vhosts/{name}/permissions"),
        management.get(f"/vhosts/{name}/topic-permissions"),
        management.get(f"/exchanges/{name}"),
        queues,
        management.get(f"/bindings/{name}"),
        depths,
    )


def judge(held: Held, vhost: str) -> Iterator[Finding]:
    """Everything that is wrong."""
    yield from _nodes(held)
    tags = {user["name"]: set(user["tags"]) for user in held.users}
    admitted = {row["user"] for row in held.permissions}
    outsiders = {user for user in admitted if role_of(user) in ("channel", "agent")}
    users = [*SERVICES, OPERATOR, *sorted(outsiders | (admitted & {CONSOLE}))]
    wanted = definitions(
        vhost,
        dict.fromkeys(users, ""),
        channels=sorted(user for user in outsiders if not user.startswith(AGENT_PREFIX)),
        agents=sorted(user.removeprefix(AGENT_PREFIX) for user in outsiders if user.startswith(AGENT_PREFIX)),
    )
    for channel in channels_with_our_names(held.bindings):
        what = f"{channel} is also a name of the desk's own, so what the channel sends is refused."
        yield Finding("error", f"channel {channel}", what, f"Give the channel another name; {APPLY} says how.")
    yield from _users(wanted, held, tags)
    strangers = sorted(user for user in admitted - set(users) if "administrator" not in tags.get(user, set()))
    if strangers:
        yield Finding(
            "warning",
            "broker users",
            f"{some(strangers)} may use this desk's vhost, but is no channel, agent or service.",
            f"If nobody needs that: `rabbitmqctl clear_permissions -p {vhost} {strangers[0]}`.",
        )
    yield from _declared(wanted, held)
    yield from _readers(held)
    yield from _mailboxes(wanted, held)


def _nodes(held: Held) -> Iterator[Finding]:
    if tuple(int(part) for part in held.version.split(".")[:2]) < OLDEST:
        yield Finding("error", "broker", f"It is RabbitMQ {held.version}; Casebus needs 3.10 or newer.", "Upgrade it.")
    for node in held.nodes:
        where = f"broker node {node['name']}"
        if not node.get("running"):
            yield Finding("error", where, "It is not running.", "Start it.")
        for alarm, what, do in (
            ("mem_alarm", "memory", "give it more memory, or start the services that read its queues"),
            ("disk_free_alarm", "disk space", "free some space"),
        ):
            if node.get(alarm):
                yield Finding("error", where, f"It takes no messages because it is short of {what}.", f"Help it: {do}.")
        if node.get("partitions"):
            yield Finding(
                "error",
                where,
                f"It is partitioned from {some(node['partitions'])}.",
                "Repair the network, then restart the smaller side.",
            )


def _users(wanted: Document, held: Held, tags: Mapping[str, set[str]]) -> Iterator[Finding]:
    permissions = {row["user"]: _patterns(row) for row in held.permissions}
    for row in wanted["permissions"]:
        user, have, should = row["user"], permissions.get(row["user"], {}), _patterns(row)
        if user not in tags:
            yield Finding("error", f"broker user {user}", "It does not exist.", f"{APPLY} creates it.")
        elif have != should:
            yield _wrong(user, f"Its permissions: {differences(have, should)}.")
    for row in wanted["users"]:
        user, right = row["name"], set(row["tags"])
        if user in tags and tags[user] != right:
            yield _wrong(
                user, f"Its tags are {some(sorted(tags[user])) or 'none'}, not {some(sorted(right)) or 'none'}."
            )
    topics = {(row["user"], row["exchange"]): _patterns(row) for row in held.topic_permissions}
    should_be = {(row["user"], row["exchange"]): _patterns(row) for row in wanted["topic_permissions"]}
    known = {row["user"] for row in wanted["permissions"]} & set(tags)
    for user, exchange in sorted(topics.keys() | should_be.keys()):
        if user not in known:
            continue
        if (user, exchange) not in topics:
            yield _wrong(user, f"Its routing keys on {exchange} are not limited.")
        elif (user, exchange) not in should_be:
            yield _wrong(user, f"It may use routing keys on {exchange}, which its role does not need.", "warning")
        elif said := differences(topics[user, exchange], should_be[user, exchange]):
            yield _wrong(user, f"Its routing keys on {exchange}: {said}.")


def _patterns(row: Document) -> dict[str, str]:
    return {name: row[name] for name in ("configure", "write", "read") if name in row}


def _wrong(user: str, what: str, level: Level = "error") -> Finding:
    return Finding(level, f"broker user {user}", what, f"{APPLY} corrects it.")


def _declared(wanted: Document, held: Held) -> Iterator[Finding]:
    """Exchanges, queues and bindings that are missing or wrong."""
    kinds: tuple[tuple[str, list[Document]], ...] = (("exchange", held.exchanges), ("queue", held.queues))
    for kind, have in kinds:
        there = {each["name"]: each for each in have}
        for should in wanted[f"{kind}s"]:
            where = f"{kind} {should['name']}"
            is_there = there.get(should["name"])
            if is_there is None:
                yield Finding("error", where, "It does not exist.", f"{APPLY} creates it.")
                continue
            if said := differences(_made(is_there, should), _made(should, should)):
                do = f"RabbitMQ cannot change it: empty it, delete it, then {APPLY}."
                yield Finding("error", where, f"It has other properties: {said}.", do)
    ours = {each["name"] for kind in ("exchanges", "queues") for each in wanted[kind]}
    bound = {_binding(row) for row in held.bindings if row["source"] and row["destination"] in ours}
    should_be_bound = {_binding(row) for row in wanted["bindings"]}
    for source, key, kind, name in sorted(should_be_bound - bound):
        yield Finding("error", f"{kind} {name}", f"It does not hear {key} on {source}.", f"{APPLY} binds it.")
    for source, key, kind, name in sorted(bound - should_be_bound):
        # A mailbox belongs to its owner, who may add bindings. (Even to an exchange to which they may write: the desk
        # answers nothing that comes that way.)
        if kind == "exchange" or name in {each.name for each in QUEUES}:
            yield Finding(
                "warning",
                f"{kind} {name}",
                f"It hears {key} on {source}, which is not in the topology.",
                f"Unbind it on the broker's management page. If a newer release bound it, {APPLY} from that release.",
            )


def _made(row: Document, like: Document) -> dict[str, Any]:
    """The properties of an exchange or a queue that `like` names."""
    return {name: row[name] for name in ("type", "durable", "auto_delete") if name in like} | dict(row["arguments"])


def _binding(row: Document) -> tuple[str, str, str, str]:
    return row["source"], row["routing_key"], row["destination_type"], row["destination"]


def _readers(held: Held) -> Iterator[Finding]:
    for queue in SERVICE_QUEUES:
        messages, consumers = held.depths.get(queue, (0, 1))
        service = queue.partition(".")[0]
        if not consumers:
            yield Finding(
                "error",
                f"queue {queue}",
                f"Nobody reads it, and {messages:,} messages wait.",
                f"Start {service} (`make up`, `docker compose up -d {service}`); if it runs, its log says why.",
            )
    for row in held.queues:
        grown = growth(row)
        if row["name"] in SERVICE_QUEUES and grown > 0:
            service = row["name"].partition(".")[0]
            yield Finding(
                "warning",
                f"queue {row['name']}",
                f"It grows: {row['messages']:,} messages, {grown:,} more than a minute ago.",
                f"Run more of {service} (`make up SCALE={service}=2`, `docker compose up -d --scale {service}=2`).",
            )
    dead, _ = held.depths.get(DEAD, (0, 0))
    if dead:
        what = f"There {'are' if dead > 1 else 'is'} {dead:,} dead {'letters' if dead > 1 else 'letter'}."
        yield Finding("warning", f"queue {DEAD}", what, "`casebus dead list`.")


def growth(queue: Document) -> int:
    """By how much a long queue has grown in the last minute if it has grown steadily, otherwise 0."""
    samples = queue.get("messages_details", {}).get("samples") or []
    counts = [int(sample["sample"]) for sample in sorted(samples, key=lambda sample: int(sample["timestamp"]))]
    lately = counts[-GROWING_STEPS - 1 :]
    growing = len(lately) > GROWING_STEPS and all(before < after for before, after in pairwise(lately))
    return counts[-1] - counts[0] if growing and queue.get("messages", 0) >= GROWING_FROM else 0


def _mailboxes(wanted: Document, held: Held) -> Iterator[Finding]:
    most = {queue["name"]: queue["arguments"].get("x-max-length") for queue in wanted["queues"]}
    for queue in held.queues:
        limit, messages = most.get(queue["name"]), queue.get("messages", 0)
        if limit and messages >= limit * NEARLY_FULL:
            yield Finding(
                "warning",
                f"queue {queue['name']}",
                f"It holds {messages:,} of at most {limit:,} messages; when it is full, the oldest are lost.",
                f"Start the program that reads it, or purge it: `rabbitmqctl purge_queue {queue['name']}`.",
            )


def summary(held: Held, vhost: str) -> Finding:
    """What was examined."""
    return Finding("ok", "broker", f"RabbitMQ {held.version}, vhost {vhost}, {len(held.queues)} queues.")
