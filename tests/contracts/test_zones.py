"""Time zones by the names of the IANA database, and no others that a machine may have."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.zones import UnknownZone, names, nearest, utc_called, zone, zone_as_kept

NEAREST = {
    "Ushuaia": "America/Argentina/Ushuaia",
    "right/Europe/Berlin": "Europe/Berlin",
    "posix/US/Pacific": "US/Pacific",
    "/usr/share/zoneinfo/Asia/Tokyo": "Asia/Tokyo",
    "europe/berlin": "Europe/Berlin",
    "EUROPE/BERLIN": "Europe/Berlin",
    "Europe/Berlin ": "Europe/Berlin",
    "Europe/Bärlin": "Europe/Berlin",
    "Europe/Kyiw": "Europe/Kyiv",
    "America/Los Angeles": "America/Los_Angeles",
    "New York": "America/New_York",
    "Berlin": "Europe/Berlin",
    "utc": "UTC",
    "localtime": None,
    "posixrules": None,
    "leapseconds": None,
    "Factory": None,
    "tzdata.zi": None,
    "zone.tab": None,
    "../etc/passwd": None,
    "Europe/": None,
    "": None,
    "x" * 10_000: None,
    "\0": None,
}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Path]:
    """A machine whose own folder has what others have not: a local time, and a Berlin that is seven hours ahead."""
    for name in ("localtime", "right/Europe/Berlin", "Europe/Berlin"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(_tzif())
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    zoneinfo.ZoneInfo.clear_cache()
    yield tmp_path
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()


def _tzif() -> bytes:
    """A zone that is seven hours ahead, always (RFC 8536)."""
    header = b"TZif2" + b"\0" * 15
    counts = (0).to_bytes(4, "big") * 4 + (1).to_bytes(4, "big") + (4).to_bytes(4, "big")
    block = (7 * 3600).to_bytes(4, "big") + b"\0\0" + b"XXX\0"
    return header + counts + block + header + counts + block + b"\nXXX-7\n"


@pytest.mark.parametrize("name", NEAREST, ids=[repr(name)[:40] for name in NEAREST])
def test_what_is_no_name_of_the_database_is_refused_and_the_nearest_is_proposed(name: str, machine: Path) -> None:
    assert machine.exists()
    expected = NEAREST[name]
    assert nearest(name) == expected
    proposed = f"; the nearest one is {expected}" if expected else ", such as Europe/Berlin"
    with pytest.raises(UnknownZone, match=f"is not a time zone of the IANA database{proposed}$"):
        zone(name)


def test_the_rules_are_the_packages_whatever_the_machine_has(machine: Path) -> None:
    july = datetime(2026, 7, 1, tzinfo=UTC)
    assert zoneinfo.ZoneInfo("Europe/Berlin").utcoffset(july.replace(tzinfo=None)) == timedelta(hours=7)
    assert july.astimezone(zone("Europe/Berlin")).utcoffset() == timedelta(hours=2)
    for path in machine.rglob("*"):
        if path.is_file():
            path.unlink()
    assert july.astimezone(zone("America/Los_Angeles")).utcoffset() == timedelta(hours=-7)


def test_every_name_is_a_zone_of_that_name_and_links_are_names_too() -> None:
    assert {"UTC", "US/Pacific", "Asia/Calcutta", "Europe/Kiev", "EST"} <= set(names())
    for name in names():
        found = zone(name)
        assert found.key == name
        assert found is zone(name)


def test_a_name_that_was_kept_is_the_machines_own_zone_or_what_is_behind_its_prefix(machine: Path) -> None:
    july = datetime(2026, 7, 1, tzinfo=UTC)

    def offset(name: str) -> timedelta | None:
        found = zone_as_kept(name)
        assert found is None or found.key == name
        return None if found is None else july.astimezone(found).utcoffset()

    assert offset("Europe/Berlin") == timedelta(hours=2)
    assert offset("localtime") == offset("right/Europe/Berlin") == timedelta(hours=7)
    (machine / "right/Europe/Berlin").unlink()
    (machine / "localtime").unlink()
    zoneinfo.ZoneInfo.clear_cache()
    assert offset("right/Europe/Berlin") == timedelta(hours=2)
    assert offset("localtime") is None
    assert offset("posix/../../etc/passwd") is None
    assert (utc_called("localtime").key, july.astimezone(utc_called("localtime")).utcoffset()) == (
        "localtime",
        timedelta(),
    )
