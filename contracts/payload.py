"""The base of every schema: reads a message's `data` in one pass, and tells every error by field when it cannot.

`Payload.load` first reads in one pass that stops at the first fault; only what has a fault goes through marshmallow,
which collects every error. Messages are loaded by the thousand a second, and this takes a quarter of the time. The
page is docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, missing, validates_schema

from contracts.blank import is_blank
from contracts.fields import NOT_AN_OBJECT, Hint, Json, WireField, Words

_REQUIRED = "Missing data for required field."


class Payload(Schema):
    """The `data` of a message, or an object in it. Unknown fields are ignored, never refused."""

    one_of: ClassVar[tuple[str, ...]] = ()
    """Of these fields, all of them optional, exactly one is there."""

    any_of: ClassVar[tuple[str, ...]] = ()
    """Of these texts and lists, all of them optional, one at least is there and not blank."""

    error_messages = {"type": NOT_AN_OBJECT}

    class Meta:
        unknown = EXCLUDE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        plain = {name: each for name, each in self.wire_fields().items() if not each.nullable}
        self._required = [(name, each.read) for name, each in plain.items() if each.required]
        self._optional = [(name, each.read) for name, each in plain.items() if not each.required]
        self._nullable: list[tuple[str, Callable[[Any], Any], bool]] = [
            (name, each.read, each.required) for name, each in self.wire_fields().items() if each.nullable
        ]
        self._hints = [(name, each) for name, each in self.wire_fields().items() if isinstance(each, Hint)]
        self._parts_with_hints = [
            (name, each)
            for name, each in self.wire_fields().items()
            if isinstance(each, Part | Either) and any(part.has_hints for part in each.parts())
        ]

    @property
    def has_hints(self) -> bool:
        """Whether there is a hint among its fields, or in an object in it."""
        return bool(self._hints or self._parts_with_hints)

    def wire_fields(self) -> dict[str, WireField[Any]]:
        """The schema's fields by name."""
        return {name: each for name, each in self.load_fields.items() if isinstance(each, WireField)}

    def load(self, data: Any, **options: Any) -> Any:
        """The loaded data, a dict. Raises ValidationError with every error, nested as the fields are."""
        if not options:
            try:
                return self.read(data)
            except ValidationError:
                pass  # marshmallow finds it again, with all the others, and says so
        return super().load(data, **options)

    def read(self, data: Any) -> dict[str, Any]:
        """As `load`, but stops at the first error."""
        if not isinstance(data, dict):
            raise ValidationError(NOT_AN_OBJECT)
        loaded: dict[str, Any] = {}
        for name, read in self._required:
            value = data.get(name)
            if value is None:
                raise ValidationError(_REQUIRED, name)
            loaded[name] = read(value)
        for name, read in self._optional:
            value = data.get(name)
            if value is not None:
                loaded[name] = read(value)
        for name, read_it, required in self._nullable:
            if name in data:
                value = data[name]
                loaded[name] = None if value is None else read_it(value)
            elif required:
                raise ValidationError(_REQUIRED, name)
        for name, _ in self._hints:
            if loaded.get(name) is missing:
                del loaded[name]
        if self.one_of:
            self._exactly_one(loaded)
        if self.any_of:
            self._at_least_one(data)
        return loaded

    def passed_over(self, data: Mapping[str, Any], loaded: Mapping[str, Any]) -> dict[str, list[str]]:
        """What could not be read of the hints in `data`, which has loaded as `loaded`: sentences by field, flat."""
        found = {
            name: hint.faults(data[name])
            for name, hint in self._hints
            if name not in loaded and data.get(name) is not None
        }
        for name, part in self._parts_with_hints:
            if loaded.get(name) is not None:
                inside = part.form(data[name]).passed_over(data[name], loaded[name])
                found |= {f"{name}.{field}": said for field, said in inside.items()}
        return found

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _check_which(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        if self.one_of:
            self._exactly_one(data)
        if self.any_of and isinstance(original, dict):
            self._at_least_one(original)

    def _exactly_one(self, data: Mapping[str, Any]) -> None:
        if sum(data.get(name) is not None for name in self.one_of) != 1:
            raise ValidationError({name: [f"Give exactly one of: {', '.join(self.one_of)}."] for name in self.one_of})

    def _at_least_one(self, data: Mapping[str, Any]) -> None:
        """Of data as it came: what is of a wrong type has its own error."""
        given = [value for name in self.any_of if (value := data.get(name))]
        if all(isinstance(value, str) and is_blank(value) for value in given):
            raise ValidationError({self.any_of[0]: [f"Give {' or '.join(self.any_of)}."]})

    def json_schema(self) -> Json:
        """JSON Schema (2020-12) of the object."""
        parts = self.wire_fields()
        schema: Json = {"type": "object", "properties": {name: _or_null(each) for name, each in parts.items()}}
        required = [name for name, each in parts.items() if each.required]
        if required:
            schema["required"] = required
        if self.one_of:
            schema["oneOf"] = [_there(name) for name in self.one_of]
        if self.any_of:
            said = {"type": ["string", "array"], "pattern": Words(1).json_schema()["pattern"], "minItems": 1}
            schema["anyOf"] = [{"required": [name], "properties": {name: said}} for name in self.any_of]
        return schema

    def definitions(self) -> dict[str, Json]:
        """JSON Schemas of all that `json_schema` refers to, directly or through others, by name."""
        found: dict[str, Json] = {}
        for each in self.wire_fields().values():
            for part in each.parts():
                found |= {type(part).__name__: part.json_schema(), **part.definitions()}
        return found


class Part(WireField[dict[str, Any]]):
    """An object with a schema of its own."""

    def __init__(self, schema: type[Payload], **more: Any) -> None:
        super().__init__(**more)
        self.schema = schema()

    def read(self, value: Any) -> dict[str, Any]:
        return self.schema.read(value)

    def read_all(self, value: Any) -> dict[str, Any]:
        loaded: dict[str, Any] = self.schema.load(value)
        return loaded

    def form(self, _: Any) -> Payload:
        """The schema that an object is read by."""
        return self.schema

    def parts(self) -> Sequence[Payload]:
        return (self.schema,)

    def json_schema(self) -> Json:
        return _ref(self.schema)


class Either(WireField[dict[str, Any]]):
    """An object in one of two forms: the form `marked` if it has the key `mark`, else the form `plain`.

    `apart`: keys of the plain form that may not stand beside the mark.
    """

    def __init__(
        self, mark: str, marked: type[Payload], plain: type[Payload], apart: Sequence[str], **more: Any
    ) -> None:
        super().__init__(**more)
        self.mark, self.apart = mark, tuple(apart)
        self.marked, self.plain = marked(), plain()

    def read(self, value: Any) -> dict[str, Any]:
        return self.form(value).read(value)

    def read_all(self, value: Any) -> dict[str, Any]:
        loaded: dict[str, Any] = self.form(value).load(value)
        return loaded

    def form(self, value: Any) -> Payload:
        """The form that an object is read by. Raises ValidationError for what has neither."""
        if not isinstance(value, dict):
            raise ValidationError(NOT_AN_OBJECT)
        if value.get(self.mark) is None:
            return self.plain
        for key in self.apart:
            if value.get(key) is not None:
                raise ValidationError({key: [f"Not beside {self.mark}: give one of the two forms."]})
        return self.marked

    def parts(self) -> Sequence[Payload]:
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

    A payload that is no object at all has its error under `data`.
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


def _ref(schema: Payload) -> Json:
    return {"$ref": f"#/$defs/{type(schema).__name__}"}


def _there(name: str) -> Json:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


def _or_null(field: WireField[Any]) -> Json:
    schema = field.json_schema()
    if not field.allow_none:
        return schema
    if isinstance(schema.get("type"), str) and not {"enum", "if", "oneOf"} & schema.keys():
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
