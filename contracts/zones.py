"""Time zones by the names of the IANA database, the same on every machine: those of the package tzdata.

A machine's own folder differs: `localtime`, `posixrules` and `right/…` may or may not exist, in any state. So this
module uses neither its names nor its rules.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NO_PLACE = frozenset({"Factory"})
"""The database's name for a machine whose zone nobody has set."""


class UnknownZone(ValueError):
    """The IANA database has no such name; the message says so and proposes the nearest one."""


@cache
def names() -> Collection[str]:
    """The names of the database: zones, and links to them such as `US/Pacific`."""
    listed = (files("tzdata") / "zones").read_text(encoding="ascii").split()
    return frozenset(listed) - _NO_PLACE


def zone(name: str) -> ZoneInfo:
    """The zone of that name, spelt as in the database. Raises `UnknownZone`."""
    if name not in names():
        like = nearest(name)
        meant = f"; the nearest one is {like}" if like else ", such as Europe/Berlin"
        raise UnknownZone(f"{name!r} is not a time zone of the IANA database{meant}")
    return _read(name, name)


def zone_as_kept(name: str) -> ZoneInfo | None:
    """The zone of a stored name, which an older version accepted because the machine had it: the machine's own zone if
    it still has one, otherwise the name without `right/` or `posix/`. None: there is no such zone."""
    if name in names():
        return _read(name, name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        bare = name.partition("/")[2]
        return _read(bare, name) if bare in names() else None


def utc_called(name: str) -> ZoneInfo:
    """UTC under the name of a zone that does not exist."""
    return _read("UTC", name)


def nearest(name: str) -> str | None:
    """The name that somebody probably meant; None if no name is similar."""
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
    """The package's rules of `name`, as a zone with the key `key`. Each name has one object, because zones compare as
    objects."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key)
