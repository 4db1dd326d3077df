"""Applies `contracts/topology.py` to a broker, by its management API, and says what it changed.

It compares first and sends only the differences, so running it again is harmless, and it reports what it cannot change
before it changes anything. Used by `casebus topology apply`, `make up` and the compose file. The page is
docs/deployment.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from contracts.names import AGENT_PREFIX, CONSOLE, OPERATOR, SERVICES, role_of
from contracts.topology import QUEUES, channels_with_our_names, definitions
from deploy.provision.management import Management, ManagementError, Refused
from deploy.trouble import Trouble

Thing = Mapping[str, Any]
"""An exchange, queue, user, …, in the form of RabbitMQ's definitions."""

IDENTITY: Mapping[str, tuple[str, ...]] = {
    "vhosts": ("name",),
    "users": ("name",),
    "permissions": ("user", "vhost"),
    "topic_permissions": ("user", "vhost", "exchange"),
    "exchanges": ("name", "vhost"),
    "queues": ("name", "vhost"),
    "bindings": ("source", "vhost", "destination", "destination_type", "routing_key", "arguments"),
}
"""The keys that identify a thing, by kind, in the order in which kinds are created."""

FIXED = ("exchanges", "queues")
"""RabbitMQ never changes these once they are declared."""

LEFT_OUT: Mapping[str, Any] = {"internal": False, "auto_delete": False, "arguments": {}}
"""The values that RabbitMQ's definitions may leave out: 4.3 does so with `internal` of exchanges."""

TAKES_UP = 30.0
"""Seconds that a broker needs after its start to recover its queues."""

ABSENT = r"\{absent,.{0,200}?,queue,<<\W*([\w.-]+)"
"""What RabbitMQ 4.0 says of a stream if it was killed within a second of creating it (3.10 recovers it)."""

EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


class CannotApply(Trouble):
    """The broker has something that nobody can change in place; the message says what to do."""


def apply(
    management: Management,
    vhost: str,
    passwords: Mapping[str, str],
    channels: Iterable[str] = (),
    agents: Iterable[str] = (),
    *,
    dry_run: bool = False,
) -> list[str]:
    """Create, in `vhost`, what the topology has and the broker does not have. Returns a line for each change.

    `passwords`: of the broker users to create; channels and agents among them get their mailbox. So do `channels` and
    `agents` (names and ids), who may have no user here. Users who already have permissions in the vhost get those of
    their role as it is now. It removes bindings of the desk's own queues that are not in the topology, and nothing
    else. With `dry_run` it only says what it would do.

    Raises: CannotApply, before it changes anything; ManagementError, also if the broker does not create something;
    ValueError for a name that nobody can have.
    """
    there = management.get("/definitions")
    if taken := channels_with_our_names(each for each in there.get("bindings", ()) if each["vhost"] == vhost):
        raise CannotApply(_taken(taken[0]))
    wanted = _wanted(management.user, vhost, passwords, channels, agents, there)
    lacking = _lacking(wanted, there, passwords)
    lines = [
        f"{_called(kind, each)}: {'created' if is_new else 'changed'}"
        for kind, things in lacking.items()
        for each, is_new in things
    ]
    stale = _stale_bindings(vhost, there.get("bindings", ()), wanted["bindings"])
    lines += [f"{_called('bindings', each)}: removed" for each in stale]
    if not dry_run:
        _make(management, wanted, lacking, passwords)
        for each in stale:
            _unbind(management, each)
    return lines


def _lacking(
    wanted: Mapping[str, list[Thing]], there: Mapping[str, Any], passwords: Mapping[str, str]
) -> dict[str, list[tuple[Thing, bool]]]:
    """The differences, by kind, and whether each thing is missing altogether. Raises: CannotApply."""
    found = {kind: {_key(kind, each): each for each in there.get(kind, ())} for kind in IDENTITY}
    lacking: dict[str, list[tuple[Thing, bool]]] = {}
    for kind in IDENTITY:
        for each in wanted[kind]:
            present = found[kind].get(_key(kind, each))
            if present is not None and _same(kind, each, present, passwords):
                continue
            if present is not None and kind in FIXED:
                raise CannotApply(_other_arguments(kind, each, present))
            lacking.setdefault(kind, []).append((each, present is None))
    return lacking


def _make(
    management: Management,
    wanted: Mapping[str, list[Thing]],
    lacking: Mapping[str, list[tuple[Thing, bool]]],
    passwords: Mapping[str, str],
) -> None:
    """Create it, and check that it exists. If a broker has just started and not recovered a queue yet, it confirms a
    binding of that queue without creating it (RabbitMQ 3.10), or says that the queue is absent (4.0)."""
    until = time.monotonic() + TAKES_UP
    while lacking:
        try:
            for part in _in_order({kind: [each for each, _ in things] for kind, things in lacking.items()}):
                management.post("/definitions", part)
        except Refused as error:
            if time.monotonic() > until:
                if (queue := re.search(ABSENT, str(error), re.DOTALL)) is None:
                    raise
                raise ManagementError(
                    f"RabbitMQ can no longer open the queue {queue[1]}, because it was killed while creating it."
                    " If the broker holds nothing else, delete its data (`make clean`) and start it again."
                ) from error
        lacking = _lacking(wanted, management.get("/definitions"), passwords)
        if lacking and time.monotonic() > until:
            kind, ((first, _), *_) = next(iter(lacking.items()))
            raise ManagementError(
                f"The broker does not create the {_called(kind, first)}, although it confirmed it. Try again."
            )
        if lacking:
            time.sleep(0.2)


def _in_order(things: Mapping[str, list[Thing]]) -> list[Mapping[str, list[Thing]]]:
    """The same in two parts: an exchange is bound to another only when its own bindings exist. Earlier messages would
    be unroutable."""
    bindings = things.get("bindings", [])
    last = [each for each in bindings if each["destination_type"] == "exchange"]
    if not last:
        return [things]
    return [{**things, "bindings": [each for each in bindings if each not in last]}, {"bindings": last}]


def _wanted(
    administrator: str,
    vhost: str,
    passwords: Mapping[str, str],
    channels: Iterable[str],
    agents: Iterable[str],
    there: Mapping[str, Any],
) -> dict[str, list[Thing]]:
    """What the broker should hold, by kind."""
    here_already = {each["user"] for each in there["permissions"] if each["vhost"] == vhost}
    users = {*passwords, *filter(_has_a_role, here_already)}
    made = definitions(
        vhost,
        {user: passwords.get(user, "") for user in sorted(users)},
        sorted({*channels, *(user for user in users if role_of(user) == "channel")}),
        sorted({*agents, *(user.removeprefix(AGENT_PREFIX) for user in users if role_of(user) == "agent")}),
    )
    # Only the person who applies the topology knows the passwords of the others.
    made["users"] = [user for user in made["users"] if user["name"] in passwords]
    made["permissions"].append({"user": administrator, "vhost": vhost, **EVERYTHING})
    return made


def _has_a_role(user: str) -> bool:
    return user in (*SERVICES, CONSOLE, OPERATOR) or role_of(user) is not None


def _key(kind: str, thing: Thing) -> tuple[str, ...]:
    return tuple(
        json.dumps(thing[part], sort_keys=True) if part == "arguments" else thing[part] for part in IDENTITY[kind]
    )


def _same(kind: str, wanted: Thing, present: Thing, passwords: Mapping[str, str]) -> bool:
    if kind == "users":
        same_tags = set(wanted["tags"]) == set(present["tags"])
        return same_tags and _is_password(passwords[wanted["name"]], present)
    return all(present.get(name, LEFT_OUT.get(name)) == value for name, value in wanted.items())


def _is_password(password: str, user: Thing) -> bool:
    """Whether this is the password of a user as the broker has it: 4 bytes of salt, and SHA-256 of both."""
    if user["hashing_algorithm"] != "rabbit_password_hashing_sha256":
        return False
    stored = base64.b64decode(user["password_hash"])
    return stored[4:] == hashlib.sha256(stored[:4] + password.encode()).digest()


def _called(kind: str, thing: Thing) -> str:
    """The name of a thing in a line for a person."""
    naming: dict[str, Callable[[], str]] = {
        "vhosts": lambda: f"vhost {thing['name']}",
        "users": lambda: f"user {thing['name']}",
        "permissions": lambda: f"permissions of {thing['user']}",
        "topic_permissions": lambda: f"topic permissions of {thing['user']} on {thing['exchange']}",
        "exchanges": lambda: f"exchange {thing['name']}",
        "queues": lambda: f"queue {thing['name']}",
        "bindings": lambda: f"binding {thing['source']} → {thing['destination']} ({thing['routing_key']})",
    }
    return naming[kind]()


def _taken(channel: str) -> str:
    """Why a channel cannot keep its name, and what to do."""
    return (
        f"A channel is called {channel}, a name that the desk now needs itself. Stay on the release before until the"
        f" channel uses another name: create one with `casebus topology apply --passwords`, let the channel empty"
        f" {channel}.outcomes, delete that queue and the user {channel}, and apply the topology again."
        " Nothing was changed."
    )


def _other_arguments(kind: str, wanted: Thing, present: Thing) -> str:
    """Why the broker cannot change a queue or exchange, and what to do."""
    asked, has = (
        {**{n: v for n, v in each.items() if n != "arguments"}, **each["arguments"]} for each in (wanted, present)
    )
    differences = [
        f"{name} is {json.dumps(has.get(name))} and should be {json.dumps(asked.get(name))}"
        for name in sorted({*asked, *wanted["arguments"], *present["arguments"]})
        if has.get(name) != asked.get(name)
    ]
    way_out = (
        "stop its readers, wait until its messages are handled or move them to another queue, delete it"
        if kind == "queues"
        else "stop the desk, delete it"
    )
    return (
        f"The {_called(kind, wanted)} exists with other arguments, which RabbitMQ never changes:"
        f" {'; '.join(differences)}. To go on, {way_out}, and apply the topology again. Nothing was changed."
    )


def _stale_bindings(vhost: str, present: Iterable[Thing], wanted: Iterable[Thing]) -> list[Thing]:
    """Bindings of the desk's own queues that are not in the topology. Mailboxes belong to their readers."""
    ours = {queue.name for queue in QUEUES}
    keys = {_key("bindings", each) for each in wanted}
    return [
        each
        for each in present
        if each["vhost"] == vhost and each["destination"] in ours and _key("bindings", each) not in keys
    ]


def _unbind(management: Management, binding: Thing) -> None:
    source, queue = quote(binding["source"], safe=""), quote(binding["destination"], safe="")
    path = f"/bindings/{quote(binding['vhost'], safe='')}/e/{source}/q/{queue}"
    for each in management.get(path):
        if _key("bindings", each) == _key("bindings", binding):
            management.delete(f"{path}/{quote(each['properties_key'], safe='')}")
