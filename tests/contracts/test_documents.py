"""The documents in the repository are those that the registry yields, and every golden message passes its schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from marshmallow import ValidationError
from referencing import Registry, Resource

import contracts
from contracts.envelope import from_dict, parse, serialise
from contracts.names import role_of
from contracts.payload import PayloadSchema, plain, read
from contracts.registry import TYPES, Kind, MessageType
from deploy.documents.contract import asyncapi, definitions, documents

HERE = Path(contracts.__file__).parent
BASE = "https://casebus.example/contract/1"
SCHEMAS = [json.loads(path.read_bytes()) for path in (HERE / "schemas").glob("*.json")]
REGISTRY: Registry[Any] = (Resource.from_contents(schema) for schema in SCHEMAS) @ Registry()
"""The checked-in schemas, as docs/contracts.md says how to use them."""

DOCUMENTS = documents()
EXAMPLES = sorted((HERE / "examples").glob("*.json"))
KINDS = {each.kind for each in TYPES.values()}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            if key == "$ref":
                yield below
            else:
                yield from references(below)
    elif isinstance(value, list):
        for below in value:
            yield from references(below)


def patterns(value: Any) -> Iterator[str]:
    """Every pattern in a schema."""
    if isinstance(value, dict):
        found = value.get("pattern")
        if isinstance(found, str):
            yield found
        value = list(value.values())
    if isinstance(value, list):
        for below in value:
            yield from patterns(below)


def type_of(example: Path) -> MessageType:
    kind: Kind = example.name.split(".")[0]  # type: ignore[assignment]
    return TYPES[kind, json.loads(example.read_bytes())["type"]]


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_generated_files_are_checked_in(path: str) -> None:
    assert (HERE / path).read_text(encoding="utf-8") == DOCUMENTS[path], "run: make contracts"


def test_no_schema_is_left_of_a_type_that_is_no_more() -> None:
    assert {f"schemas/{each.name}" for each in (HERE / "schemas").iterdir()} <= DOCUMENTS.keys()


def test_the_yaml_says_what_the_document_says() -> None:
    assert yaml.safe_load((HERE / "asyncapi.yaml").read_text(encoding="utf-8")) == asyncapi()


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi()
    found_there = {*references(document)}
    assert {reference.rpartition("/")[0] for reference in found_there} >= {"#/channels", "./schemas"}
    for reference in found_there:
        if reference.startswith("./"):
            assert (HERE / reference).is_file(), reference
            continue
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found, reference


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema["$id"])
def test_every_schema_is_one_and_its_references_lead_somewhere(schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    resolver = REGISTRY.resolver(schema["$id"])
    for reference in references(schema):
        assert resolver.lookup(reference).contents, reference


def test_a_definition_is_of_one_class_and_some_message_has_it() -> None:
    """They go by the names of classes."""
    forms = {schema.form for each in TYPES.values() for schema in (each.schema, *each.schema.parts())}
    assert sorted(definitions()["$defs"]) == sorted(["Envelope", *(form.__name__ for form in forms)])


ESCAPES = re.compile(r"\\(.)", re.DOTALL)


@pytest.mark.parametrize("pattern", sorted(patterns(SCHEMAS)))
def test_a_pattern_is_one_of_ecma_262(pattern: str) -> None:
    """With the flag `u`, by which a backslash stands before what it has a meaning for, and nothing else."""
    assert set(ESCAPES.findall(pattern)) <= set("^$\\.*+?()[]{}|/-dDwWsSbBnrtvfxu")


@pytest.mark.parametrize(
    "change",
    [{"type": "ticket.close"}, {"id": ""}, {"specversion": "0.3"}, {"time": "noon"}, {"data": {}}, {"data": None}],
)
def test_a_schema_judges_the_envelope_and_the_data(change: dict[str, Any]) -> None:
    judge = validator("command.ticket.submit.json")
    body = json.loads(next(each for each in EXAMPLES if "command.ticket.submit" in each.name).read_bytes())
    assert judge.is_valid(body)
    assert not judge.is_valid(body | change)


def validator(reference: str) -> jsonschema.Draft202012Validator:
    """The judge that a reference from `BASE` names."""
    schema = {"$ref": f"{BASE}/{reference}"}
    return jsonschema.Draft202012Validator(schema, registry=REGISTRY, format_checker=jsonschema.FormatChecker())


def test_every_type_has_an_example() -> None:
    shown = {(each.kind, each.type) for each in map(type_of, EXAMPLES)}
    assert shown == TYPES.keys()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_passes_both_schemas(example: Path) -> None:
    body = json.loads(example.read_bytes())
    message = type_of(example)
    assert example.name.startswith(f"{message.kind}.{message.type}.")

    event = from_dict(body)
    found = read(message.data, event.data, is_whole=True)
    assert found == read(message.data, event.data), "msgspec and marshmallow read the same"
    assert body["data"].keys() <= plain(found.data).keys(), "an example shows no field that is ignored"
    validator(f"{message.kind}.{message.type}.json").validate(body)
    assert parse(serialise(event)) == event

    user = event.source.rsplit("/", 1)[1]
    sender = f"agent.{user}" if event.source.startswith("/agents/") else user
    assert role_of(sender) is not None
    assert message.may_be_sent_by(sender)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_what_one_schema_refuses_the_other_refuses(example: Path) -> None:
    """Each field of a golden message is left out, nulled, and given a wrong type, in turn."""
    body = json.loads(example.read_bytes())
    message = type_of(example)
    judge = validator(f"definitions.json#/$defs/{message.data.__name__}")
    for path, spoilt in spoiled(body["data"]):
        assert passes(message.schema, spoilt) == judge.is_valid(spoilt), path


def spoiled(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The value with one thing in it wrong."""
    if isinstance(value, dict):
        for key, below in value.items():
            rest = {name: each for name, each in value.items() if name != key}
            yield f"{path}.{key} left out", rest
            yield f"{path}.{key} null", {**value, key: None}
            yield f"{path}.{key} wrong", {**value, key: 7.5 if isinstance(below, str) else "\x00"}
            yield f"{path}.{key} empty", {**value, key: type(below)()}
            for where, inner in spoiled(below, f"{path}.{key}"):
                yield where, {**value, key: inner}
    elif isinstance(value, list) and value:
        for where, inner in spoiled(value[0], f"{path}[0]"):
            yield where, [inner, *value[1:]]


def passes(schema: PayloadSchema, data: Any) -> bool:
    try:
        schema.load(data)
    except ValidationError:
        return False
    return True
