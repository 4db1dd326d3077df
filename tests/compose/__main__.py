"""`make compose-test`: docker-compose.yml on a real engine, from nothing, through everything that a deployment meets.

It is brought up new and again, fed, scaled 1→3→1, each of its containers is killed, broker and database are restarted,
all are started in no particular order; then the checker of tests/system judges its whole state. The page is
docs/deployment.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.request import urlopen

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from contracts.names import SERVICES
from tests.compose.deployment import Deployment, Failed
from tests.system.client import command, submission
from tests.system.crowd import AGENT_HEARS, CHANNELS, Channel, agents_answer, plan
from tests.system.house import BATCH_OF_MAILS, House
from tests.system.storm import wait_until_calm
from tests.waiting import wait

AGENTS, CAPACITY = 6, 60
PACE = 60.0
"""About this many requests a second, of all channels."""
PATIENCE = 300.0

OURS = (*SERVICES, "mail")
"""The services whose process Docker's small init watches."""


class ComposeHouse(House):
    """A house whose desk is a deployment in containers."""

    def __init__(self, deployment: Deployment) -> None:
        # A stack is for processes of this machine, and a deployment has of a desk what the house asks it for.
        super().__init__(None, deployment)  # type: ignore[arg-type]
        self.deployment = deployment

    def terminate(self, *instances: tuple[str, int]) -> list[int]:
        """Stop all instances of the named services. Returns their exit codes."""
        return self.deployment.stop(*sorted({service for service, _ in instances}))


def main(arguments: list[str]) -> int:
    """Run it; 0 if the desk was in order to the end."""
    parser = argparse.ArgumentParser(prog="make compose-test", description="docker-compose.yml on a real engine.")
    parser.add_argument("--rabbitmq", default="4.0", help="the version of the broker")
    parser.add_argument("--submissions", type=int, default=1500, help="how many requests it is fed")
    parser.add_argument("--seed", type=int, default=1, help="what they are")
    chosen = parser.parse_args(arguments)
    if not _engine_answers():
        print(
            "No Docker engine with Compose answers: install and start one (Docker Engine with its Compose plugin, or"
            " Docker Desktop), and see that `docker info` and `docker compose version` work.",
            file=sys.stderr,
        )
        return 1
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)

    deployment = Deployment(chosen.rabbitmq)
    try:
        _run(deployment, chosen.submissions, chosen.seed, say)
    except (AssertionError, Failed) as error:
        print(f"{error}\n--- the end of the logs:\n{_logs(deployment)}", file=sys.stderr)
        say(f"RabbitMQ {chosen.rabbitmq}: NOT IN ORDER")
        return 1
    finally:
        deployment.take_down()
        deployment.forget_secrets()
    say(f"RabbitMQ {chosen.rabbitmq}: in order")
    return 0


def _run(deployment: Deployment, submissions: int, seed: int, say: Callable[[str], None]) -> None:
    deployment.make_secrets()
    deployment.take_down()
    deployment.compose("build")
    say("the image is built")
    deployment.up()
    say("up from nothing, all healthy")
    before = deployment.containers()
    _assert_contained(deployment, before)
    _assert_own_database_only(deployment)
    deployment.up()
    assert set(deployment.containers()) == set(before), "bringing it up again has replaced containers"
    said = deployment.compose("logs", "--no-log-prefix", "provision").splitlines()[-2:]
    assert said == ["the broker matches the topology", "the database has its users"], f"provisioned again: {said}"
    say("up again: nothing changed")
    with ExitStack() as closing:
        house = ComposeHouse(deployment)
        closing.callback(house.close)
        _storm(house, submissions, seed, say)
        evidence = house.assert_clean(PATIENCE)
        say(
            f"{len(evidence.tickets)} tickets, {len(evidence.sent)} commands, {len(evidence.events)} events,"
            f" {len(evidence.mails)} mails, {len(evidence.dead)} dead letters: in order, and stopped cleanly"
        )
        deployment.up()
        outcome = house.ask("web", command("web", "ticket.submit", submission("account-0", "order-0")))
        assert outcome["type"] in {"ticket.opened", "ticket.duplicate"}, outcome
        with urlopen(deployment.mail_page, timeout=10) as page:
            shown = re.search(r"<h1>(\d+) mails", page.read().decode())
        assert shown is not None, "the page of the mail catcher does not say how many it has"
        assert int(shown[1]) >= len(evidence.mails) > 0, f"{shown[0]}, and there were {len(evidence.mails)}"
        say("up once more: it goes on where it was")


def _storm(house: ComposeHouse, submissions: int, seed: int, say: Callable[[str], None]) -> None:
    """Feed the desk, and do to it what a deployment meets."""
    deployment = house.deployment
    for number in range(1, AGENTS + 1):
        house.sign_on(f"a{number}", CAPACITY, answer=agents_answer, hears=AGENT_HEARS)
    planned = plan(seed, submissions)
    house.bad |= {request.id for request in planned if request.bad}
    steps: list[tuple[str, Callable[[], object]]] = [
        ("intake 1 → 3", lambda: deployment.up("--scale", "intake=3", "intake")),
        ("intake 3 → 1", lambda: _assert_clean_stops(deployment)),
        *((f"{service} crashes", lambda service=service: deployment.crash(service)) for service in OURS),
        ("rabbitmq killed", lambda: deployment.start(deployment.kill("rabbitmq"))),
        ("mongo killed", lambda: deployment.start(deployment.kill("mongo"))),
        ("rabbitmq restarted", lambda: deployment.compose("restart", "rabbitmq")),
        ("mongo restarted", lambda: deployment.compose("restart", "mongo")),
        ("all killed, and started in no order", lambda: deployment.start(deployment.kill())),
    ]
    house.mail_repeats = 2 * BATCH_OF_MAILS * len(steps)
    opened = [1]

    def may_send(count: int) -> Callable[[], int]:
        return lambda: count * opened[0] // (len(steps) + 1)

    channels = []
    for name in CHANNELS:
        share = [request for request in planned if request.channel == name]
        url = deployment.amqp_url(name)
        channels.append(Channel(url, name, share, house.ledger, may_send(len(share)), seed, PACE / len(CHANNELS)))
    for what, deal in steps:
        midway = int(submissions * (opened[0] - 0.7) / (len(steps) + 1))
        wait(
            lambda: sum(channel.sent for channel in channels),
            "the channels send",
            lambda sent, midway=midway: sent >= midway,  # type: ignore[misc]
            patience=PATIENCE,
        )
        say(what)
        deal()
        opened[0] += 1
    wait(
        lambda: sum(channel.sent for channel in channels),
        "all is sent",
        lambda sent: sent == len(planned),
        patience=PATIENCE,
    )
    deployment.up()
    say("all is sent, all is healthy")
    wait_until_calm(house, PATIENCE)
    for channel in channels:
        channel.close()


def _assert_contained(deployment: Deployment, containers: list[str]) -> None:
    """What runs may do no more than it needs."""
    for each in deployment.inspect(*containers):
        name, host = each["Name"].strip("/"), each["HostConfig"]
        assert host["ReadonlyRootfs"], f"{name} may write to its filesystem"
        assert host["CapDrop"] == ["ALL"], f"{name} has capabilities"
        assert not host["CapAdd"], f"{name} has capabilities"
        assert "no-new-privileges:true" in host["SecurityOpt"], f"{name} may gain privileges"
        open_to = {binding["HostIp"] for bindings in (host["PortBindings"] or {}).values() for binding in bindings}
        assert open_to <= {"127.0.0.1"}, f"{name} is open to {open_to}"
    for service in (*OURS, "rabbitmq", "mongo"):
        user = deployment.compose("exec", "-T", service, "id", "-u").strip()
        assert user != "0", f"{service} runs as root"


def _assert_own_database_only(deployment: Deployment) -> None:
    for service in SERVICES:
        with MongoClient[dict[str, Any]](deployment.mongo_url(service)) as client:
            client[f"casebus_{service}"]["handled"].find_one()
            for other in {*SERVICES, "anything"} - {service}:
                try:
                    client[f"casebus_{other}"]["handled"].find_one()
                except OperationFailure:
                    continue
                raise AssertionError(f"{service} may read the database of {other}")


def _assert_clean_stops(deployment: Deployment) -> None:
    codes = deployment.exit_codes_of_those_that_go("intake", "--scale", "intake=1", "intake")
    assert codes == [0, 0], f"exit codes of the instances that had to go: {codes}"


def _engine_answers() -> bool:
    """Whether there is Docker, with Compose, and an engine behind it."""
    try:
        for words in (("docker", "compose", "version"), ("docker", "info")):
            subprocess.run(words, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _logs(deployment: Deployment) -> str:
    try:
        return deployment.compose("ps", "-a") + deployment.compose(
            "logs", "--tail", "15", *OURS, "provision", "rabbitmq"
        )
    except Failed as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
