"""The operator's files that decide about tickets: the catalogue, and the staff file if there is one.

Both are read together, so that a turn never sees one of them without the other. The pages are docs/catalogue.md and
docs/staff.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

from contracts.catalogue import Catalogue
from contracts.staff import Staff
from contracts.values import dataclass
from services.chassis.catalogue import load_catalogue
from services.chassis.reloading import Reloaded
from services.chassis.settings import Settings, WrongSettings
from services.chassis.staff import load_staff
from services.chassis.yaml_file import WrongFile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OperatorsFiles:
    """What the files say. `staff` None: there is no such file, and everyone who signs on is an agent."""

    catalogue: Catalogue
    staff: Staff | None = None


def load_operators_files(settings: Settings, calendars: Collection[str] | None = None) -> OperatorsFiles:
    """The files of these settings; categories may name these calendars (None: any). Raises `WrongFile`."""
    return OperatorsFiles(load_catalogue(settings.catalogue, calendars), load_staff(settings.staff))


def read_operators_files(settings: Settings) -> Reloaded[OperatorsFiles]:
    """The files of these settings, read again when they change. Raises `WrongSettings` if one is invalid at start."""
    return reloaded(settings, lambda: load_operators_files(settings))


def reloaded(settings: Settings, read: Callable[[], T], *more: Path) -> Reloaded[T]:
    """What `read` makes of these files and `more`, made again when one changes. Raises `WrongSettings` if one is
    invalid at start."""
    files = [*more, settings.catalogue, *([settings.staff] if settings.staff else [])]
    try:
        return Reloaded(files, read)
    except WrongFile as error:
        raise WrongSettings(str(error)) from error
