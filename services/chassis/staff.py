"""Reads the staff file; a mistake is reported with its file, line and field, in one sentence.

What a staff file may hold is in contracts/staff.py. The page is docs/staff.md.
"""

from __future__ import annotations

from pathlib import Path

from contracts.staff import Staff, staff_from
from services.chassis.yaml_file import read_yaml


def load_staff(path: str | Path | None) -> Staff | None:
    """The staff in the YAML file at `path`; None without a path.

    Raises WrongFile, also for a file that does not exist: a lost file must not open the desk to everyone.
    """
    if path is None:
        return None
    return read_yaml(path, "the staff file", staff_from)
