"""Reads the catalogue file; a mistake is reported with its file, line and field, in one sentence.

What a catalogue may hold is in contracts/catalogue.py. The page is docs/contracts.md.
"""

from __future__ import annotations

from pathlib import Path

from contracts.catalogue import Catalogue, catalogue_from
from services.chassis.yaml_file import WrongFile, read_yaml


class WrongCatalogue(ValueError):
    """The file is no catalogue; the message is a sentence that names file, line and field."""


def load_catalogue(path: str | Path) -> Catalogue:
    """The catalogue in the YAML file at `path`. Raises WrongCatalogue."""
    try:
        return read_yaml(path, "the catalogue", catalogue_from)
    except WrongFile as error:
        raise WrongCatalogue(str(error)) from error
