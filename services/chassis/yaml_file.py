"""Reads a YAML file of the operator's and says in one sentence what is wrong with it: file, line, field, problem.

A reader of its own, such as a marshmallow schema, knows what the file may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from marshmallow import ValidationError

from contracts.decoding import has_half_character
from contracts.envelope import HALF

T = TypeVar("T")

NESTED = "it is nested too deep, or holds itself"


class WrongFile(ValueError):
    """The file cannot be used; the message is a sentence that names file, line and field."""


class _Loader(yaml.SafeLoader):
    """Names the line of a malformed date or number, which PyYAML leaves to Python's own errors, and of text that no
    message can carry."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            made = super().construct_object(node, deep)
        except (ValueError, AttributeError, KeyError) as error:
            problem = f"this is no {node.tag.rpartition(':')[2]}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error
        if isinstance(made, str) and has_half_character(made):
            raise yaml.constructor.ConstructorError(None, None, f"this text {HALF}", node.start_mark)
        return made


class _AsWritten(_Loader):
    """Takes every value as the text that it is written with: `12-24` and `2026-12-24` alike."""

    yaml_implicit_resolvers: dict[Any, Any] = {}


def read_yaml(path: str | Path, what: str, build: Callable[[Any], T], *, as_written: bool = False) -> T:
    """What `build` makes of the file's content; `what` names the file to a person (`the catalogue`).

    `as_written`: dates, numbers, … are left as texts. Raises `WrongFile`, also for marshmallow's ValidationError from
    `build`, whose messages are nested as the file is.
    """
    try:
        loader = (_AsWritten if as_written else _Loader)(Path(path).read_bytes())
        node = loader.get_single_node()
        if node is None:
            raise WrongFile(f"{path}: {what} is empty.")
        _refuse_twice(node, path)
        data = loader.construct_document(node)
    except OSError as error:
        raise WrongFile(f"{path}: {what} cannot be read ({error.strerror}).") from error
    except RecursionError as error:
        raise WrongFile(f"{path}: {what} cannot be read ({NESTED}).") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise WrongFile(f"{path}{where}: not YAML ({error.problem}).") from error
    except yaml.YAMLError as error:
        raise WrongFile(f"{path}: not YAML ({str(error).splitlines()[0]}).") from error
    try:
        return build(data)
    except ValidationError as error:
        messages: Any = error.messages
        line, field, problem = min((_line(node, where), _dotted(where), said) for where, said in _faults(messages))
        raise WrongFile(f"{path}, line {line}: {field}: {problem}") from error


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
    """The line that `where` leads to, or that of the last thing on the way that exists. (A key's line, not its
    value's.)"""
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
    """YAML's own reader would silently keep the last of two equal keys."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise WrongFile(f"{path}, line {key.start_mark.line + 1}: {key.value} is there twice.")
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
            _refuse_twice(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twice(value, path)
