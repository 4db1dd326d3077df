"""The operator's files that decide about tickets, as one: the catalogue, and the staff where there is a file of it.

Both are taken together, so that a turn never sees one of them without the other. The pages are docs/contracts.md and
docs/staff.md.
"""

from __future__ import annotations

from contracts.catalogue import Catalogue
from contracts.staff import Staff
from contracts.values import dataclass
from services.chassis.catalogue import load_catalogue
from services.chassis.reloading import Reloaded
from services.chassis.settings import Settings, WrongSettings
from services.chassis.staff import load_staff
from services.chassis.yaml_file import WrongFile


@dataclass(frozen=True, slots=True)
class OperatorsFiles:
    """What the files say. `staff` None: there is no such file, and whoever signs on is an agent."""

    catalogue: Catalogue
    staff: Staff | None = None


def read_operators_files(settings: Settings) -> Reloaded[OperatorsFiles]:
    """The files of these settings, taken again when they change. Raises `WrongSettings` if one does not do at start."""
    files = [settings.catalogue] if settings.staff is None else [settings.catalogue, settings.staff]
    try:
        return Reloaded(files, lambda: OperatorsFiles(load_catalogue(settings.catalogue), load_staff(settings.staff)))
    except WrongFile as error:
        raise WrongSettings(str(error)) from error
