"""What a value on the wire may be. Each field judges strictly, says what is wrong in a sentence, and knows its JSON
Schema.

A field is a marshmallow field; its `rule` states the same limits for msgspec, which reads most messages. A declaration
has the rule in its annotation: `number: Annotated[str, Text(8, 8).rule]`. Objects are in payload.py. The page is
docs/contracts.md.
"""

from __future__ import annotations

import binascii
import copy
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self, TypeVar

from marshmallow import ValidationError, fields, missing
from msgspec import Meta

from contracts.blank import SEEN, is_blank
from contracts.decoding import has_half_character
from contracts.envelope import HALF, TIME_PATTERN, moment

T = TypeVar("T")
Json = dict[str, Any]

NOT_AN_OBJECT = "Not an object."

ID_PATTERN = "[a-z0-9][a-z0-9_-]{0,63}"
_IS_ID = re.compile(ID_PATTERN).fullmatch
_END = r"(?![\s\S])"
"""The very end of a text, for Python and JSON Schema: in Python `$` also matches before a final line break, and
ECMA-262 has no `\\Z`."""


class WireField(fields.Field[T], ABC):
    """A field of the wire. Required unless `optional`. `nullable`: null is a valid value.

    Null in an optional field that is not nullable loads as if the field were left out.
    """

    nullable = False

    def declared(self, *, optional: bool, nullable: bool) -> Self:
        """The same field with the options of a declaration."""
        field = copy.copy(self)
        field.required, field.allow_none, field.nullable = not optional, optional or nullable, nullable
        return field

    @abstractmethod
    def read(self, value: Any) -> T:
        """The loaded value of a JSON value that is not null. Raises ValidationError, which names every fault."""

    @abstractmethod
    def json_schema(self) -> Json:
        """JSON Schema (2020-12) of what `read` takes."""

    @property
    def rule(self) -> Meta:
        """The limits of `read` for msgspec, as part of an annotation. They may be narrower, never wider."""
        return Meta(**self.limits(), extra={"field": self})

    def limits(self) -> dict[str, Any]:
        """The limits as `msgspec.Meta` names them."""
        return {}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> T:
        return self.read(value)


class Text(WireField[str]):
    """Text of `minimum` to `maximum` characters; if there is a `pattern`, all of the text matches it."""

    def __init__(self, maximum: int, minimum: int = 1, *, pattern: str | None = None, like: str = "") -> None:
        super().__init__()
        self.maximum, self.minimum, self.pattern = maximum, minimum, pattern
        self.matches = None if pattern is None else re.compile(pattern, re.ASCII).fullmatch
        self.misfit = f"Must be {like}."

    def read(self, value: Any) -> str:
        if type(value) is not str:
            raise ValidationError("Not text.")
        if not value.isascii() and has_half_character(value):
            raise ValidationError(f"It {HALF}.")
        if not self.minimum <= len(value) <= self.maximum:
            least = f"{self.minimum} to " if self.minimum else "at most "
            span = f"{self.maximum}" if self.minimum == self.maximum else f"{least}{self.maximum}"
            raise ValidationError(f"Must have {span} characters.")
        if self.matches is not None and self.matches(value) is None:
            raise ValidationError(self.misfit)
        return value

    def json_schema(self) -> Json:
        schema: Json = {"type": "string", "minLength": self.minimum, "maxLength": self.maximum}
        return schema if self.pattern is None else {**schema, "pattern": f"^(?:{self.pattern})$"}

    def limits(self) -> dict[str, Any]:
        limits: dict[str, Any] = {"min_length": self.minimum, "max_length": self.maximum}
        return limits if self.pattern is None else {**limits, "pattern": f"^(?:{self.pattern}){_END}"}


def seen(text: str) -> None:
    """Raises ValidationError for a blank text."""
    if is_blank(text):
        raise ValidationError("Must not be blank.")


class Words(Text):
    """Text for people to read: up to `maximum` characters, at least one of them visible. Kept as written."""

    def __init__(self, maximum: int) -> None:
        super().__init__(maximum)
        self.matches = re.compile(SEEN).search
        self.misfit = "Must not be blank."

    def json_schema(self) -> Json:
        return {**super().json_schema(), "pattern": SEEN}

    def limits(self) -> dict[str, Any]:
        return {**super().limits(), "pattern": SEEN}


class Choice(WireField[str]):
    """One of the words in `choices`."""

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__()
        self.choices = tuple(choices)

    def read(self, value: Any) -> str:
        if type(value) is not str or value not in self.choices:
            raise ValidationError(f"Must be one of: {', '.join(self.choices)}.")
        return value

    def json_schema(self) -> Json:
        return {"type": "string", "enum": list(self.choices)}


class Whole(WireField[int]):
    """A whole number from `minimum` to `maximum`."""

    def __init__(self, minimum: int = 0, maximum: int = 2**53) -> None:
        super().__init__()
        self.minimum, self.maximum = minimum, maximum

    def read(self, value: Any) -> int:
        if type(value) is not int or not self.minimum <= value <= self.maximum:
            raise ValidationError(f"Must be a whole number from {self.minimum} to {self.maximum}.")
        return value

    def json_schema(self) -> Json:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    def limits(self) -> dict[str, Any]:
        return {"ge": self.minimum, "le": self.maximum}


class Score(WireField[float]):
    """A number from 0 to 1."""

    def read(self, value: Any) -> float:
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise ValidationError("Must be a number from 0 to 1.")
        return float(value)

    def json_schema(self) -> Json:
        return {"type": "number", "minimum": 0, "maximum": 1}

    def limits(self) -> dict[str, Any]:
        return {"ge": 0.0, "le": 1.0}


class Flag(WireField[bool]):
    """true or false, and nothing else."""

    def read(self, value: Any) -> bool:
        if type(value) is not bool:
            raise ValidationError("Must be true or false.")
        return value

    def json_schema(self) -> Json:
        return {"type": "boolean"}


class Instant(WireField[datetime]):
    """RFC 3339 with a zone; loads as an aware UTC datetime."""

    def read(self, value: Any) -> datetime:
        try:
            return moment(value)
        except ValueError as error:
            raise ValidationError(f"It {error}.") from error

    def json_schema(self) -> Json:
        return {"type": "string", "format": "date-time", "pattern": f"^{TIME_PATTERN}$"}

    def limits(self) -> dict[str, Any]:
        return {"tz": True}


class Hint(WireField[Any]):
    """A value that only helps. If `field` refuses it, nothing is loaded and the message is still valid
    (`PayloadSchema.passed_over` names it). Always optional."""

    def __init__(self, field: WireField[Any]) -> None:
        super().__init__()
        self.field = field

    def read(self, value: Any) -> Any:
        try:
            return self.field.read(value)
        except ValidationError:
            return missing

    def faults(self, value: Any) -> list[str]:
        """Why a value was ignored, in sentences."""
        try:
            self.field.read(value)
        except ValidationError as error:
            return [f"Passed over. {each}" for each in error.messages]
        return []

    def json_schema(self) -> Json:
        return {"anyOf": [self.field.json_schema(), {"description": "Any other value is ignored."}]}

    def limits(self) -> dict[str, Any]:
        return self.field.limits()


class Base64(WireField[bytes]):
    """Base64 (RFC 4648, padded) of up to `maximum` bytes; loads as bytes."""

    def __init__(self, maximum: int) -> None:
        super().__init__()
        self.maximum = maximum

    def read(self, value: Any) -> bytes:
        if type(value) is not str:
            raise ValidationError("Not text.")
        if len(value) > self._characters:
            raise ValidationError(f"Must be up to {self.maximum} bytes.")
        try:
            content = binascii.a2b_base64(value.encode("ascii"), strict_mode=True)
        except ValueError as error:
            raise ValidationError("Not base64.") from error
        if len(content) > self.maximum:
            raise ValidationError(f"Must be up to {self.maximum} bytes.")
        return content

    def json_schema(self) -> Json:
        groups = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
        return {"type": "string", "contentEncoding": "base64", "maxLength": self._characters, "pattern": groups}

    def limits(self) -> dict[str, Any]:
        return {"max_length": self.maximum}

    @property
    def _characters(self) -> int:
        return -(-self.maximum // 3) * 4


class AnswersField(WireField[dict[str, Any]]):
    """Answers to a category's questions, by question id: text, number, true or false. The catalogue judges them.

    Keys that cannot be a question's id are ignored, like unknown fields.
    """

    MOST = 50
    LONGEST = 2000

    def read(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError(NOT_AN_OBJECT)
        answers = {key: answer for key, answer in value.items() if _IS_ID(key) and answer is not None}
        if len(answers) > self.MOST:
            raise ValidationError("Must be up to 50 answers.")
        faults = {key: [fault] for key in answers if (fault := _answer_fault(answers[key])) is not None}
        if faults:
            raise ValidationError(faults)
        return answers

    def json_schema(self) -> Json:
        kinds = [
            {"type": "string", "maxLength": self.LONGEST},
            {"type": "number", "minimum": -(2**53), "maximum": 2**53},
            {"type": "boolean"},
            {"type": "null"},
        ]
        return {"type": "object", "patternProperties": {f"^{ID_PATTERN}$": {"anyOf": kinds}}}

    def limits(self) -> dict[str, Any]:
        return {"max_length": self.MOST}


class ErrorsField(WireField[dict[str, list[str]]]):
    """What is wrong, by field: sentences."""

    def read(self, value: Any) -> dict[str, list[str]]:
        if not isinstance(value, dict) or not all(isinstance(each, list) for each in value.values()):
            raise ValidationError("Not an object of lists.")
        if not all(type(said) is str for each in value.values() for said in each):
            raise ValidationError("Not an object of lists of text.")
        return value

    def json_schema(self) -> Json:
        return {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}


class ListOf(WireField[list[Any]]):
    """A list of `minimum` to `maximum` values of one field."""

    def __init__(self, item: WireField[Any], maximum: int, minimum: int = 0) -> None:
        super().__init__()
        self.item, self.maximum, self.minimum = item, maximum, minimum

    def read(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Not a list.")
        if not self.minimum <= len(value) <= self.maximum:
            raise ValidationError(f"Must have {self.minimum} to {self.maximum} entries.")
        return [loaded for _, loaded in _each(self.item, enumerate(value))]

    def json_schema(self) -> Json:
        return {"type": "array", "minItems": self.minimum, "maxItems": self.maximum, "items": self.item.json_schema()}


class MapOf(WireField[dict[str, Any]]):
    """An object of up to `maximum` values of one field, by keys that are ids."""

    def __init__(self, item: WireField[Any], maximum: int) -> None:
        super().__init__()
        self.item, self.maximum = item, maximum

    def read(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError(NOT_AN_OBJECT)
        if len(value) > self.maximum or not all(map(_IS_ID, value)):
            raise ValidationError(f"Must have up to {self.maximum} keys of lower-case letters, digits, - and _.")
        return dict(_each(self.item, value.items()))

    def json_schema(self) -> Json:
        names = {"pattern": f"^{ID_PATTERN}$"}
        return {
            "type": "object",
            "maxProperties": self.maximum,
            "propertyNames": names,
            "additionalProperties": self.item.json_schema(),
        }


def _each(item: WireField[Any], values: Any) -> list[tuple[Any, Any]]:
    """Each loaded value. Raises ValidationError with all faults, by place."""
    loaded, faults = [], {}
    for place, value in values:
        try:
            loaded.append((place, item.read(value)))
        except ValidationError as error:
            faults[place] = error.messages
    if faults:
        raise ValidationError(faults)
    return loaded


def _answer_fault(value: Any) -> str | None:
    if isinstance(value, str):
        if has_half_character(value):
            return f"It {HALF}."
        fits = len(value) <= AnswersField.LONGEST
    else:
        fits = isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= 2**53)
    return None if fits else "Must be text of up to 2000 characters, a number, true or false."


Moment = Annotated[datetime, Instant().rule]
"""A moment in time: RFC 3339 with a zone."""

Count = Annotated[int, Whole().rule]
"""A whole number from 0."""

Ordinal = Annotated[int, Whole(1).rule]
"""A whole number from 1."""

Id = Annotated[str, Meta(pattern=f"^{ID_PATTERN}{_END}")]
"""A key of an object on the wire."""

_LARGEST = Meta(ge=-(2**53), le=2**53)
Answer = (
    Annotated[str, Meta(max_length=AnswersField.LONGEST)] | bool | Annotated[int, _LARGEST] | Annotated[float, _LARGEST]
)
Answers = Annotated[Mapping[Id, Answer], AnswersField().rule]
"""Answers to a category's questions, by question id."""

Errors = Annotated[Mapping[str, Sequence[str]], ErrorsField().rule]
"""What is wrong, by field: sentences."""
