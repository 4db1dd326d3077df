"""Reads the catalogue file; a mistake is reported with its file, line and field, in one sentence.

What a catalogue may hold is in contracts/catalogue.py. The page is docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from marshmallow import ValidationError

from contracts.catalogue import Catalogue, catalogue_from


class WrongCatalogue(ValueError):
    """The file is no catalogue; the message is a sentence that names file, line and field."""


def load_catalogue(path: str | Path) -> Catalogue:
    """The catalogue in the YAML file at `path`. Raises WrongCatalogue."""
    try:
        loader = yaml.SafeLoader(Path(path).read_bytes())
        node = loader.get_single_node()
        if node is None:
            raise WrongCatalogue(f"{path}: the catalogue is empty.")
        _refuse_twice(node, path)
        data = loader.construct_document(node)
    except OSError as error:
        raise WrongCatalogue(f"{path}: the catalogue cannot be read ({error.strerror}).") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise WrongCatalogue(f"{path}{where}: not YAML ({error.problem}).") from error
    except yaml.YAMLError as error:
        raise WrongCatalogue(f"{path}: not YAML ({str(error).splitlines()[0]}).") from error
    try:
        return catalogue_from(data)
    except ValidationError as error:
        messages: Any = error.messages
        line, field, problem = min((_line(node, where), _dotted(where), said) for where, said in _faults(messages))
        raise WrongCatalogue(f"{path}, line {line}: {field}: {problem}") from error


def _faults(messages: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(messages, Mapping):
        for key, below in messages.items():
            yield from _faults(below, where if key == "_schema" else (*where, key))
    else:
        for said in messages:
            yield where, str(said)


def _dotted(where: tuple[Any, ...]) -> str:
    """`categories`, 0, `name` → categories.1.name: people count from one."""
    return ".".join(str(step + 1 if isinstance(step, int) else step) for step in where) or "the file"


def _line(node: yaml.Node, where: tuple[Any, ...]) -> int:
    """Line of what `where` leads to, or of the last thing on the way that is there. (A key's line, not its value's.)"""
    line = node.start_mark.line + 1
    for step in where:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == step), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        else:
            break
    return line


def _refuse_twice(node: yaml.Node, path: str | Path) -> None:
    """YAML's own reader would keep the last of two equal keys, silently."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise WrongCatalogue(f"{path}, line {key.start_mark.line + 1}: {key.value} is there twice.")
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
            _refuse_twice(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twice(value, path)
