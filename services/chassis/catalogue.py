"""Reads the catalogue file; a mistake is reported with its file, line and field, in one sentence.

What a catalogue may hold is in contracts/catalogue.py. The page is docs/catalogue.md.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from contracts.catalogue import Catalogue, catalogue_from
from services.chassis.yaml_file import read_yaml


def load_catalogue(path: str | Path, calendars: Collection[str] | None = None) -> Catalogue:
    """The catalogue in the YAML file at `path`; its categories may name these calendars (None: any).

    Raises WrongFile.
    """
    return read_yaml(path, "the catalogue", lambda data: catalogue_from(data, calendars))
