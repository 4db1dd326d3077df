"""Time zones by the names of the IANA database, the same ones on every machine: those of the package tzdata.

What a machine has in its own folder differs: `localtime`, `posixrules` and `right/…` are there or not, in whatever
state. So neither its names nor its rules are looked at.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NO_PLACE = frozenset({"Factory"})
"""What the database has for a machine whose zone nobody has set."""


class UnknownZone(ValueError):
    """No name of the IANA database; the message says so and proposes the nearest one."""


@cache
def names() -> Collection[str]:
    """The names of the database: zones, and links to them such as `US/Pacific`."""
    listed = (files("tzdata") / "zones").read_text(encoding="ascii").split()
    return frozenset(listed) - _NO_PLACE


def zone(name: str) -> ZoneInfo:
    """The zone of that name, which is written as the database writes it. Raises `UnknownZone`."""
    if name not in names():
        like = nearest(name)
        meant = f"; the nearest one is {like}" if like else ", such as Europe/Berlin"
        raise UnknownZone(f"{name!r} is not a time zone of the IANA database{meant}")
    return _read(name, name)


def zone_as_kept(name: str) -> ZoneInfo | None:
    """The zone of a name that is kept since any that the machine had would do: the machine's own, where it still has
    it, or what the name is without `right/` or `posix/`. None: there is no such zone."""
    if name in names():
        return _read(name, name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        bare = name.partition("/")[2]
        return _read(bare, name) if bare in names() else None


def utc_called(name: str) -> ZoneInfo:
    """UTC under the name of a zone that there is not."""
    return _read("UTC", name)


def nearest(name: str) -> str | None:
    """The name of the database that somebody probably meant; None where none is like it."""
    by_form = {name.casefold(): name for name in sorted(names())}
    wanted = name.strip().replace(" ", "_").casefold()
    parts = [part for part in wanted.split("/") if part]
    for start in range(len(parts)):  # `/usr/share/zoneinfo/Europe/Berlin`, `right/Europe/Berlin`
        if (found := by_form.get("/".join(parts[start:]))) is not None:
            return found
    cities = {form.rpartition("/")[2]: form for form in reversed(by_form) if "/" in form}
    if wanted in cities:
        return by_form[cities[wanted]]
    close = get_close_matches(wanted, by_form, 1, 0.8) or [
        cities[city] for city in get_close_matches(wanted, cities, 1, 0.8)
    ]
    return by_form[close[0]] if close else None


@cache
def _read(name: str, key: str) -> ZoneInfo:
    """The rules that the package has under `name`, as a zone that is called `key`; one object for one name, because
    zones are compared as objects."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key)
