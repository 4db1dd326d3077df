"""What a message says: each type's `data` is a `Payload`, a frozen class, declared once.

The annotations of a declaration yield the class that the rules take, its marshmallow schema (which judges what comes
in and names every error by field) and its JSON Schema. msgspec reads messages without a fault, in a tenth of the time;
what it refuses, marshmallow decides. The page is docs/contracts.md.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import cache, cached_property
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from marshmallow import EXCLUDE, Schema, ValidationError, post_load, validates_schema

from contracts.blank import is_blank
from contracts.fields import NOT_AN_OBJECT, Choice, Flag, Hint, Instant, Json, ListOf, MapOf, WireField, Words
from contracts.values import dataclass

P = TypeVar("P", bound="Payload")


class _Declaring(msgspec.StructMeta):
    """Makes each `Payload` frozen, constructed by keywords, and written without default values."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        options = {"frozen": True, "kw_only": True, "omit_defaults": True, **options}
        return super().__new__(cls, name, bases, namespace, **options)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Payload(msgspec.Struct, metaclass=_Declaring, frozen=True):
    """The `data` of a message, or an object in it. Unknown fields are ignored, never refused.

    A field with a default is optional, and left out while it has the default. A field `X | None` without a default is
    always present and may be null. Lists are `Sequence[X]`, objects with keys of their own `Mapping[Id, X]`.
    """

    one_of: ClassVar[tuple[str, ...]] = ()
    """Exactly one of these optional fields has to be present."""

    any_of: ClassVar[tuple[str, ...]] = ()
    """At least one of these optional texts and lists has to be present and not blank."""

    def __post_init__(self) -> None:
        """Raises ValueError if `one_of` or `any_of` does not hold."""
        if self.one_of and sum(getattr(self, name) is not None for name in self.one_of) != 1:
            raise ValueError(_give_one(self.one_of))
        if self.any_of and not any(_says(getattr(self, name)) for name in self.any_of):
            raise ValueError(_give_any(self.any_of))


def kept(value: Any = None) -> Any:
    """The default of an optional field that is written even if it has the default."""
    return msgspec.field(default_factory=lambda: value)


class Alternatives:
    """Base of the classes among which `Either` chooses, if a payload may have one of several forms."""

    __slots__ = ()
    either: ClassVar[Either]


@dataclass(frozen=True, slots=True)
class Read(Generic[P]):
    """A payload that was read. `hints`: which unreadable hints were ignored, sentences by field."""

    data: P
    hints: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read(form: type[P], data: object, *, is_whole: bool = False) -> Read[P]:
    """The payload in decoded JSON. Raises ValidationError with every error, nested as the fields are.

    `is_whole`: no text in it has half a character; this holds for what orjson and msgspec decode.
    """
    if is_whole:
        try:
            return Read(msgspec.convert(data, form, dec_hook=_chosen))
        except (msgspec.ValidationError, ValidationError):
            pass  # marshmallow decides, and names every fault
    schema = schema_of(form)
    loaded: P = schema.load(data)  # type: ignore[arg-type]
    return Read(loaded, schema.passed_over(data))  # type: ignore[arg-type]


def encode(value: Any) -> bytes:
    """JSON: payloads as they are declared, moments as RFC 3339 in UTC. Raises TypeError for a type that no message
    holds."""
    return msgspec.json.encode(value)


def plain(payload: Payload) -> dict[str, Any]:
    """The payload as decoded JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(payload)
    return found


def stored(form: type[P], document: Mapping[str, Any]) -> P:
    """The payload that `document` has stored in a database. Raises msgspec.ValidationError."""
    return msgspec.convert(document, form, dec_hook=_chosen)


def document(payload: Payload) -> dict[str, Any]:
    """The payload for a database: like `plain`, with datetimes."""
    found: dict[str, Any] = msgspec.to_builtins(payload, builtin_types=(datetime, bytes))
    return found


def _chosen(form: type[Alternatives], value: Any) -> Any:
    """msgspec calls this for a payload that may have one of several forms."""
    return msgspec.convert(value, form.either.chosen(value).form, dec_hook=_chosen)


# The schema that judges


class PayloadSchema(Schema):
    """marshmallow's schema of a payload, made from its declaration; loads as the payload."""

    form: ClassVar[type[Payload]]
    error_messages = {"type": NOT_AN_OBJECT}

    class Meta:
        unknown = EXCLUDE

    def wire_fields(self) -> dict[str, WireField[Any]]:
        """The schema's fields by name."""
        return {name: each for name, each in self.load_fields.items() if isinstance(each, WireField)}

    def passed_over(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        """Which hints in `data`, which has loaded, were unreadable: sentences by field, flat."""
        found: dict[str, list[str]] = {}
        for name, each in self.wire_fields().items():
            value = data.get(name)
            if value is None:
                continue
            if isinstance(each, Hint):
                found |= {name: said} if (said := each.faults(value)) else {}
            elif isinstance(each, Part | Either):
                inside = each.chosen(value).passed_over(value)
                found |= {f"{name}.{inner}": said for inner, said in inside.items()}
        return found

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Payload:
        return self.form(**{name: each for name, each in data.items() if each is not None or name in self._nullable})

    @cached_property
    def _nullable(self) -> frozenset[str]:
        return frozenset(name for name, each in self.wire_fields().items() if each.nullable)

    def json_schema(self) -> Json:
        """JSON Schema (2020-12) of the object."""
        parts, form = self.wire_fields(), self.form
        schema: Json = {"type": "object", "properties": {name: _or_null(each) for name, each in parts.items()}}
        required = [name for name, each in parts.items() if each.required]
        if required:
            schema["required"] = required
        if form.one_of:
            schema["oneOf"] = [_there(name) for name in form.one_of]
        if form.any_of:
            said = {"type": ["string", "array"], "pattern": Words(1).json_schema()["pattern"], "minItems": 1}
            schema["anyOf"] = [{"required": [name], "properties": {name: said}} for name in form.any_of]
        return schema

    def parts(self) -> Iterator[PayloadSchema]:
        """All schemas that `json_schema` refers to, by the names of their classes, directly or through others."""
        for each in self.wire_fields().values():
            for part in _parts(each):
                yield part
                yield from part.parts()


class _Choosing(PayloadSchema):
    """The schema of a payload with `one_of` or `any_of`. (For other payloads marshmallow has nothing to prepare.)"""

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _check_which(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        form = self.form
        if form.one_of and sum(data.get(name) is not None for name in form.one_of) != 1:
            raise ValidationError({name: [_give_one(form.one_of)] for name in form.one_of})
        if form.any_of and isinstance(original, dict):
            # On the original data: a value of a wrong type has its own error.
            given = [value for name in form.any_of if (value := original.get(name))]
            if all(isinstance(value, str) and is_blank(value) for value in given):
                raise ValidationError({form.any_of[0]: [_give_any(form.any_of)]})


@cache
def schema_of(form: type[Payload]) -> PayloadSchema:
    """The schema of a payload."""
    hints = get_type_hints(form, include_extras=True)
    declared: dict[str, Any] = {
        each.name: _field(hints[each.name], optional=not each.required) for each in msgspec.structs.fields(form)
    }
    base = _Choosing if form.one_of or form.any_of else PayloadSchema
    made: type[PayloadSchema] = type(form.__name__, (base,), {**declared, "form": form})
    return made()


def _field(hint: Any, *, optional: bool) -> WireField[Any]:
    """The field that an annotation declares."""
    nullable = False
    if get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint):
        (hint,) = (each for each in get_args(hint) if each is not type(None))
        nullable = not optional
    return _of(hint).declared(optional=optional, nullable=nullable)


def _of(hint: Any) -> WireField[Any]:
    origin, limits = get_origin(hint), msgspec.Meta()
    if origin is Annotated:
        hint, *said = get_args(hint)
        limits = said[-1]
        if limits.extra is not None:
            found: WireField[Any] = limits.extra["field"]
            return found
        origin = get_origin(hint)
    if origin is Literal:
        return Choice(get_args(hint))
    if hint is bool:
        return Flag()
    if hint is datetime:
        return Instant()
    if isinstance(hint, type) and issubclass(hint, Alternatives):
        return hint.either
    if isinstance(hint, type) and issubclass(hint, Payload):
        return Part(hint)
    if origin is Sequence:
        return ListOf(_of(get_args(hint)[0]), limits.max_length or 0, limits.min_length or 0)
    if origin is Mapping:
        return MapOf(_of(get_args(hint)[1]), limits.max_length or 0)
    raise TypeError(f"{hint} does not say what it is on the wire")


class Part(WireField[Payload]):
    """An object with a declaration of its own."""

    def __init__(self, form: type[Payload]) -> None:
        super().__init__()
        self.schema = schema_of(form)

    def read(self, value: Any) -> Payload:
        loaded: Payload = self.schema.load(value)
        return loaded

    def chosen(self, _: Any) -> PayloadSchema:
        """The schema that reads an object."""
        return self.schema

    def parts(self) -> Sequence[PayloadSchema]:
        """The schemas that `json_schema` refers to."""
        return (self.schema,)

    def json_schema(self) -> Json:
        return _ref(self.schema)


class Either(WireField[Payload]):
    """An object in one of two forms: `marked` if it has the key `mark`, otherwise `plain`.

    `apart`: keys of the plain form that must not appear together with the mark.
    """

    def __init__(self, mark: str, marked: type[Payload], plain: type[Payload], apart: Sequence[str]) -> None:
        super().__init__()
        self.mark, self.apart = mark, tuple(apart)
        self.marked, self.plain = schema_of(marked), schema_of(plain)

    def read(self, value: Any) -> Payload:
        loaded: Payload = self.chosen(value).load(value)
        return loaded

    def chosen(self, value: Any) -> PayloadSchema:
        """The schema that reads an object. Raises ValidationError if it has neither form."""
        if not isinstance(value, dict):
            raise ValidationError(NOT_AN_OBJECT)
        if value.get(self.mark) is None:
            return self.plain
        for key in self.apart:
            if value.get(key) is not None:
                raise ValidationError({key: [f"Not together with {self.mark}: give one of the two forms."]})
        return self.marked

    def parts(self) -> Sequence[PayloadSchema]:
        """The schemas that `json_schema` refers to."""
        return (self.marked, self.plain)

    def json_schema(self) -> Json:
        conflicts = [_there(key) for key in self.apart]
        return {
            "type": "object",
            "if": _there(self.mark),
            "then": {**_ref(self.marked), "not": {"anyOf": conflicts}},
            "else": _ref(self.plain),
        }


def errors_by_field(error: ValidationError) -> dict[str, list[str]]:
    """The errors of a refused payload, flat, as `command.rejected` carries them: `requester.tier` → sentences.

    If the payload is not an object, the error is under `data`.
    """
    flat: dict[str, list[str]] = {}
    messages: Any = error.messages
    _flatten(messages, (), flat)
    return flat


def _flatten(messages: Any, path: tuple[str, ...], into: dict[str, list[str]]) -> None:
    if isinstance(messages, Mapping):
        for key, below in messages.items():
            _flatten(below, path if key == "_schema" else (*path, str(key)), into)
    else:
        into.setdefault(".".join(path) or "data", []).extend(map(str, messages))


def _give_one(names: Sequence[str]) -> str:
    return f"Give exactly one of: {', '.join(names)}."


def _give_any(names: Sequence[str]) -> str:
    return f"Give {' or '.join(names)}."


def _parts(field: WireField[Any]) -> Sequence[PayloadSchema]:
    """The schemas that a field's `json_schema` refers to."""
    while isinstance(field, ListOf | MapOf):
        field = field.item
    return field.parts() if isinstance(field, Part | Either) else ()


def _says(value: Any) -> bool:
    return not is_blank(value) if isinstance(value, str) else bool(value)


def _ref(schema: PayloadSchema) -> Json:
    return {"$ref": f"#/$defs/{schema.form.__name__}"}


def _there(name: str) -> Json:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


def _or_null(field: WireField[Any]) -> Json:
    schema = field.json_schema()
    if not field.allow_none:
        return schema
    if isinstance(schema.get("type"), str) and not {"enum", "if", "oneOf"} & schema.keys():
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
