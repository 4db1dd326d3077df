"""The operator changes catalogue and calendars while the desk runs: services take good ones and refuse wrong ones."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from deploy.cli.doctor import services
from tests.system.client import command, submission
from tests.system.house import House
from tests.waiting import wait

NIGHTS = '  nights: {time_zone: UTC, hours: {monday: ["22:00-06:00"]}}\n'
PARKING = """  - id: parking
    name: Parking
    priority: 1
    calendar: nights
    targets: {standard: {first_reply_days: 1, next_reply_days: 1}}
"""


def refusing(house: House) -> set[str]:
    """The services that refuse a file, by the doctor."""
    known = {f"HEALTH_{name.upper()}": house.desk.health_url(name) for name in ("intake", "sla")}
    return {finding.where for finding in services.check(known, timedelta()) if "It refuses a changed" in finding.what}


def test_changed_catalogue_and_calendars_are_taken_while_the_desk_runs(house: House, tmp_path: Path) -> None:
    for name in ("catalogue", "calendars"):
        shutil.copy(f"deploy/{name}.yaml", tmp_path)
        house.desk.settings[f"CASEBUS_{name.upper()}"] = str(tmp_path / f"{name}.yaml")
    catalogue, calendars = tmp_path / "catalogue.yaml", tmp_path / "calendars.yaml"
    house.start(routing=0)

    def submit(who: str, category: str) -> dict[str, Any]:
        return house.ask("web", command("web", "ticket.submit", submission(who, "lot", category=category)))

    def clocked(outcome: dict[str, Any]) -> str:
        """The `calendar_version` of a ticket's deadline, once sla has it."""
        with MongoClient[dict[str, Any]](house.desk.admin_mongo_url) as mongo:
            tickets, about = mongo[f"{house.desk.db_prefix}_sla"]["tickets"], {"_id": outcome["data"]["ticket"]["id"]}
            wait(lambda: tickets.find_one(about) is not None, "the ticket's clock")
            (stored,) = tickets.find(about)
            return str(stored["watches"][0]["deadline"]["calendar_version"])

    first = submit("ana", "safety")
    before = clocked(first)
    assert submit("ben", "parking")["data"]["code"] == "unknown_category"

    shipped = catalogue.read_text(encoding="utf-8")
    catalogue.write_text(shipped + PARKING, encoding="utf-8")
    wait(lambda: refusing(house) == {"service sla"}, "sla's refusal of a calendar that there is not")
    calendars.write_text(calendars.read_text(encoding="utf-8") + NIGHTS, encoding="utf-8")
    wait(lambda: refusing(house) == set(), "the new calendar")
    parked = submit("ben", "parking")
    assert parked["type"] == "ticket.opened"
    assert clocked(parked).startswith("nights-2-")
    assert clocked(first) == before

    catalogue.write_text("categories: []\n", encoding="utf-8")
    wait(lambda: refusing(house) == {"service intake", "service sla"}, "the refusal of an empty catalogue")
    assert submit("cat", "parking")["type"] == "ticket.opened"

    with MongoClient[dict[str, Any]](house.desk.admin_mongo_url) as mongo:
        kept = list(mongo[f"{house.desk.db_prefix}_sla"]["policies"].find())
    assert [sorted(policy["calendars"]) for policy in kept] == [["business"], ["business", "nights"]]
    catalogue.write_text(shipped, encoding="utf-8")
    house.desk.start("routing")
    wait(lambda: submit("dan", "parking")["data"].get("code") == "unknown_category", "the loss of a category")
    number = parked["data"]["ticket"]["number"]
    house.sign_on("a1", capacity=9, skills=["parking", "never-there"])
    house.ledger.wait(
        lambda: any(
            message.type == "ticket.assigned" and message.event["subject"] == number for message in house.ledger.heard
        ),
        "the ticket of the lost category with who lists it",
    )
    named = submission("ben", "lot", category="parking", refers_to=number)
    assert house.ask("web", command("web", "ticket.submit", named))["type"] == "ticket.duplicate"
    house.assert_clean()
