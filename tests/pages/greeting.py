"""Runs the greeter of docs/adding-a-service.md on a desk of its own, in the copy of the tree that has it.

`python -m tests.pages.greeting FOLDER NAME` creates the desk NAME on the running stack in FOLDER, greets, and prints
the results as JSON. It removes the desk afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from pymongo import MongoClient

from contracts.names import EVENTS, OPERATOR
from deploy.cli.doctor.examine import examine
from deploy.local.desk import Desk
from deploy.local.processes import CODE
from deploy.local.rabbitmq import ADMIN
from deploy.local.stack import Stack
from deploy.settings import Settings
from services.client.blocking import Client
from services.client.bus import Bus
from tests.pages.following import ADDING_A_SERVICE, program

SERVICE = "greeter"


def main(stack: Stack, desk: Desk) -> dict[str, Any]:
    """What is seen of the service, from before its first start to after its end."""
    desk.prepare()
    seen: dict[str, Any] = {"doctor, before": findings(stack, desk)}
    desk.settings["CASEBUS_GREETINGS"] = "2"
    desk.start(SERVICE)
    with urlopen(f"{desk.health_url(SERVICE)}/readyz") as answer:
        seen["ready"] = answer.status
    seen["doctor"] = findings(stack, desk)
    with Bus(desk.amqp_url(OPERATOR)) as follower:
        follower.channel.queue_declare("operator.greetings", exclusive=True)
        follower.channel.queue_bind("operator.greetings", EVENTS, "greeter.#")
        web = {**os.environ, "CASEBUS_AMQP_CHANNEL": desk.amqp_url("web")}
        subprocess.run([sys.executable, "-c", program(ADDING_A_SERVICE)], env=web, cwd=CODE, check=True)
        with Client(desk.amqp_url("web")) as client:
            outcomes = [client.command("greeter.greet", {"name": "Ada"}) for _ in range(2)]
            wrong = client.command("greeter.greet", {"name": ""})
            seen["counted"] = client.ask("greeter.count", {"name": "Ada"}).event.data["times"]
        seen["outcomes"] = [outcome.type for outcome in outcomes]
        seen["refused"] = wrong.rejected.errors if wrong.rejected is not None else None
        events = [follower.channel.basic_get("operator.greetings", no_ack=True) for _ in range(3)]
        seen["events"] = [json.loads(event.body)["data"] for event in events if event is not None]
    with MongoClient[dict[str, Any]](desk.operator_mongo_url) as mongo:
        seen["documents"] = list(mongo[f"{desk.db_prefix}_{SERVICE}"]["greetings"].find())
    desk.terminate(SERVICE)
    seen["doctor, after"] = findings(stack, desk)
    return seen


def findings(stack: Stack, desk: Desk) -> list[str]:
    """What `casebus doctor` says of the service."""
    known = {
        "AMQP_ADMIN": desk.amqp_url(ADMIN),
        "AMQP_MANAGEMENT": stack.broker.management.url,
        "MONGO": desk.operator_mongo_url,
        "DB_PREFIX": desk.db_prefix,
        "HEALTH_GREETER_1": desk.health_url(SERVICE),
    }
    found = examine(Settings(known, None), sleep=lambda _: None)
    about = [each for each in found if SERVICE in each.where or each.where == "services"]
    return [f"{each.where}: {each.what.partition(' at http')[0]}" for each in about]


if __name__ == "__main__":
    the_stack = Stack(Path(sys.argv[1]))
    the_desk = the_stack.other_desk(sys.argv[2])
    try:
        print(json.dumps(main(the_stack, the_desk)))
    finally:
        the_desk.remove()
        the_stack.broker.management.delete(f"/users/{SERVICE}")
