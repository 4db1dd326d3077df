"""Services that are killed (`kill -9`) in the middle of their work: nothing is lost and nothing is done twice."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from contracts.names import SERVICES
from tests.system.client import PATIENCE, command, submission
from tests.system.house import BATCH_OF_MAILS, House

CHANNELS = ("web", "game", "mail")
SUBMISSIONS = 5_000
AGENTS = 6
KILLS = 20
IN_HAND = 200


def answered(ticket: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """What an agent does about a ticket: mostly a solution; some are closed, some get a question, some are left."""
    match int(ticket["number"]) % 10:
        case 0 | 1 | 2 | 3 | 4:
            return "ticket.suggest_solution", {"body": "Please try again now."}
        case 5 | 6:
            return "ticket.close", {"reason": "Answered in the guide."}
        case 7:
            return "ticket.ask_info", {"body": "Which version is it?"}
    return None


def test_each_service_killed_in_the_middle_of_5000_submissions(house: House) -> None:
    """Three channels, six agents who answer, one in ten for an open issue, one in fifty with an id again."""
    dice = random.Random(1)
    commands: list[tuple[str, tuple[str, bytes]]] = []
    for number in range(SUBMISSIONS):
        again = dice.choice(commands) if number > 100 and dice.random() < 0.02 else None
        issue = dice.randrange(number) if number > 100 and dice.random() < 0.1 else number
        data = submission(f"account-{issue}", f"order-{issue}")
        if issue % 20 == 0:
            data["requester"]["email"] = f"account-{issue}@players.example"
        channel = dice.choice(CHANNELS)
        commands.append(again or (channel, command(channel, "ticket.submit", data)))

    house.start(intake=2, routing=2)
    for number in range(1, AGENTS + 1):
        house.sign_on(f"a{number}", capacity=40, answer=answered)
    part = SUBMISSIONS // (len(SERVICES) + 1)
    for place, service in enumerate([*SERVICES, None]):
        now = commands[place * part : (place + 1) * part]
        house.send_at_once([(channel, [request for by, request in now if by == channel]) for channel in CHANNELS])
        if service is not None:
            house.desk.kill(service)
            house.mail_repeats += BATCH_OF_MAILS * (service == "notifications")
            house.desk.start(service)
    evidence = house.assert_clean(120)
    assert len(evidence.tickets) > 0.8 * SUBMISSIONS


def test_twenty_kills_of_an_instance_with_hundreds_of_messages_in_its_hands(house: House) -> None:
    """What a killed consumer had in hand is innocent: none of it is dead-lettered, all of it is handled."""
    house.start(routing=0, sla=0, notifications=0)
    house.ask("web", command("web", "ticket.submit", submission("ada", "order-1")))
    for kill in range(KILLS):
        # Every tenth is stopped in the middle of handling what its predecessor had in hand, and gets as much again.
        at_rest = kill % 10 != 9
        if at_rest:
            house.wait_for_outcomes()
            # With the answer to one more, all before it are acknowledged, so that there is room for what comes now.
            house.ask("web", command("web", "ticket.list", {"requester": submission("ada", "order-1")["requester"]}))
        with house.frozen("intake"):
            house.send(
                "web", [command("web", "ticket.submit", submission(f"a{kill}", f"o{n}")) for n in range(IN_HAND)]
            )
            if at_rest:
                house.ledger.wait(lambda: not house.ready("intake.commands")["intake.commands"], "200 messages in hand")
            house.desk.kill("intake")
        house.desk.start("intake")
    house.wait_for_outcomes(PATIENCE)
    house.start()
    evidence = house.assert_clean(120)
    assert len(evidence.tickets) == KILLS * IN_HAND + 1
