"""Policies come back from the database as they were; each change of what they say is another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import bson
import pytest

from contracts.catalogue import Catalogue
from contracts.sla import Armed
from services.chassis.catalogue import load_catalogue
from services.chassis.yaml_file import WrongFile
from services.sla.calendars_file import read_calendars
from services.sla.domain.calendar import Calendar, Window, YearDay
from services.sla.domain.policy import Policy, digest_of
from services.sla.domain.state import View
from services.sla.policies import from_document, to_document
from tests.unit.said import as_a
from tests.unit.sla.stories import CALENDAR, CATALOGUE, POLICY, Desk, opened

NIGHTS = Calendar("nights", "4", CALENDAR.zone, ((Window.parse("22:00-06:00"),),) * 7, frozenset({date(2026, 12, 24)}))
DEPLOY = Path("deploy")


def shipped() -> Policy:
    calendars = read_calendars(DEPLOY / "calendars.yaml")
    return Policy.of(calendars, load_catalogue(DEPLOY / "catalogue.yaml", calendars))


@pytest.mark.parametrize(
    "policy", [POLICY, Policy.of({"business": CALENDAR, "nights": NIGHTS}, CATALOGUE), shipped()], ids=["a", "b", "c"]
)
def test_a_policy_comes_back_as_it_was(policy: Policy) -> None:
    again = from_document(bson.decode(bson.encode(to_document(policy))))
    assert again == policy
    assert again.digest == policy.digest


OWN = replace(
    NIGHTS,
    own_hours={YearDay(12, 24): (Window.parse("08:00-12:00"),), date(2026, 12, 26): ()},
    names={date(2026, 12, 24): "Eve"},
)


def test_days_with_own_hours_come_back_as_they_were() -> None:
    policy = Policy.of({"business": CALENDAR, "nights": OWN}, CATALOGUE)
    stored = bson.decode(bson.encode(to_document(policy)))
    assert stored["calendars"]["nights"]["own_hours"] == {"12-24": ["08:00-12:00"], "2026-12-26": []}
    again = from_document(stored)
    assert again == policy
    assert (again.digest, again.calendars["nights"].names) == (policy.digest, OWN.names)


@pytest.mark.parametrize("zone", ["right/Europe/Berlin", "localtime", "Never/There", "Europe/Berlin"])
def test_what_was_kept_before_there_were_own_hours_and_with_any_zone_still_loads(zone: str) -> None:
    """As an older version stored it, and as it said it: the digest is what deadlines name."""
    stored = to_document(Policy.of({"business": CALENDAR}, CATALOGUE))
    for name in ("own_hours", "names"):
        del stored["calendars"]["business"][name]
    assert from_document(stored).digest == stored["_id"] == "2f277062"
    stored["calendars"]["business"]["time_zone"] = zone
    policy = from_document(stored)
    assert policy.calendars["business"].zone.key == zone
    assert policy.calendars["business"].add_business_days(datetime(2026, 6, 1, 9, tzinfo=UTC), 1)
    assert from_document(to_document(policy)).digest == policy.digest


SAFETY = CATALOGUE.categories["safety"]
CHANGES = {
    "hours": {"business": replace(CALENDAR, hours=NIGHTS.hours)},
    "closed days": {"business": replace(CALENDAR, closed_days=NIGHTS.closed_days)},
    "own hours": {"business": replace(CALENDAR, own_hours={YearDay(12, 24): ()})},
    "own hours of one year": {"business": replace(CALENDAR, own_hours={date(2026, 12, 24): ()})},
    "version": {"business": replace(CALENDAR, version="2")},
    "another calendar": {"business": CALENDAR, "nights": NIGHTS},
}


@pytest.mark.parametrize("calendars", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_a_calendar_changes_the_digest(calendars: dict[str, Calendar]) -> None:
    assert Policy.of(calendars, CATALOGUE).digest != POLICY.digest


def test_targets_and_the_calendar_of_a_category_change_the_digest() -> None:
    calendars = {"business": CALENDAR, "nights": NIGHTS}
    found = {Policy.of(calendars, CATALOGUE).digest}
    for safety in (
        replace(SAFETY, calendar="nights"),
        replace(SAFETY, targets=CATALOGUE.categories["general"].targets),
    ):
        found.add(Policy.of(calendars, Catalogue({**CATALOGUE.categories, "safety": safety})).digest)
    assert len(found) == 3


def test_what_is_said_of_a_deadline_names_the_policy_that_it_was_reckoned_with() -> None:
    desk = Desk()
    desk.hear(opened())
    assert digest_of(as_a(Armed, desk.said[-1].data).calendar_version) == POLICY.digest


def test_a_calendar_that_there_is_not_is_refused_with_the_line_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yaml"
    lines = (DEPLOY / "catalogue.yaml").read_text(encoding="utf-8").split("\n")
    place = lines.index("  - id: billing")
    lines.insert(place + 1, "    calendar: nights")
    file.write_text("\n".join(lines), encoding="utf-8")
    assert load_catalogue(file).categories["billing"].calendar == "nights"
    problem = rf"line {place + 2}: categories\.3\.calendar: nights is no calendar; there are business\."
    with pytest.raises(WrongFile, match=problem):
        load_catalogue(file, {"business": CALENDAR})


def test_a_deadline_keeps_the_policy_it_was_computed_with_for_as_long_as_that_is_known() -> None:
    now, version = shipped(), f"business-3-{POLICY.digest}"
    assert View(now, [], {POLICY.digest: POLICY}).in_force(version) is POLICY
    assert View(now, []).in_force(version) is now
