"""The envelope: every message of the desk is a CloudEvents 1.0 structured JSON event.

Reads and writes the envelope and checks its attributes. The schema of the `type` (registry.py) judges `data`, and the
receiving service judges who may send it. The page is docs/contracts.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from contracts.decoding import NotJson, decoded, has_half_character
from contracts.names import source_agrees
from contracts.values import dataclass

__all__ = [
    "CONTENT_TYPE",
    "MAX_ID",
    "TIME_PATTERN",
    "Event",
    "NotAnEvent",
    "WrongAttributes",
    "from_dict",
    "moment",
    "parse",
    "rfc3339",
    "serialise",
    "source_agrees",
]

CONTENT_TYPE = "application/cloudevents+json"
MAX_ID = 200
"""Characters; also the limit of `type`, `source` and the optional attributes."""

HALF = "has half a character (a surrogate without its other half)"

NO_MOMENT = "names no moment of the calendar"

TIME_PATTERN = "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
"""RFC 3339."""

_TIME = re.compile(TIME_PATTERN).fullmatch


class NotAnEvent(ValueError):
    """A body that is not an event. The message is the reason: it names the attribute and never quotes its value."""


class WrongAttributes(NotAnEvent):
    """An event with wrong attributes, whose `id` and `type` can be read, so a service can answer its sender.

    `faults`: what is wrong, by attribute, worded to follow its name. Half a character in `id` and `type` appears as
    JSON escapes it.
    """

    def __init__(self, id_: str, type_: str, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name} {fault}" for name, fault in faults.items()))
        self.id, self.type, self.faults = id_, type_, faults


@dataclass(frozen=True, slots=True)
class Event:
    """One message. `time` is aware UTC; `data` is the JSON value ({} if it is missing or null).

    `data` is any JSON value, as CloudEvents allows. The schema of `type` requires an object, so the sender of something
    else gets the same kind of answer as for any other wrong field.
    """

    id: str
    type: str
    source: str
    time: datetime
    data: Any
    subject: str | None = None
    traceparent: str | None = None
    causationid: str | None = None
    correlationid: str | None = None


def from_dict(body: Any) -> Event:
    """The event in a decoded JSON body; unknown attributes are ignored.

    Raises NotAnEvent, with the reason, for anything that is not a CloudEvents 1.0 event by the wire contract; its
    subclass WrongAttributes if the body claims to be one, and has an id and a type.
    """
    if not isinstance(body, dict):
        raise NotAnEvent("the body is not a JSON object")
    get = body.get
    if get("specversion") != "1.0":
        raise NotAnEvent('specversion is not "1.0"')
    id_, type_ = _name(get("id"), "id"), _name(get("type"), "type")
    data = get("data")
    try:
        return Event(
            _text(id_),
            _text(type_),
            _text(get("source")),
            moment(get("time")),
            {} if data is None else data,
            _optional(get("subject")),
            _hint(get("traceparent")),
            _hint(get("causationid")),
            _hint(get("correlationid")),
        )
    except ValueError:
        raise WrongAttributes(escaped(id_), escaped(type_), _faults(body)) from None


def parse(body: bytes) -> Event:
    """The event in a message body (UTF-8 JSON). Raises NotAnEvent if it is not JSON, or not an event."""
    try:
        value = decoded(body)
    except NotJson as error:
        raise NotAnEvent(f"the body is not JSON: {error}") from error
    return from_dict(value)


class _Written(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An event as JSON, without absent attributes."""

    specversion: str
    id: str
    type: str
    source: str
    subject: str | None = None
    time: datetime
    traceparent: str | None = None
    causationid: str | None = None
    correlationid: str | None = None
    data: Any


_write = msgspec.json.Encoder().encode


def serialise(event: Event) -> bytes:
    """The message body of an event; datetimes in `data` become RFC 3339 UTC. The inverse of `parse`.

    `data` is a payload, or a JSON value. Raises ValueError for a time without a zone.
    """
    data = event.data
    if not isinstance(data, msgspec.Struct):
        data = msgspec.Raw(json.dumps(data, default=_encode, ensure_ascii=False, separators=(",", ":")).encode())
    return _write(
        _Written(
            specversion="1.0",
            id=event.id,
            type=event.type,
            source=event.source,
            subject=event.subject,
            time=_zoned(event.time),
            traceparent=event.traceparent,
            causationid=event.causationid,
            correlationid=event.correlationid,
            data=data,
        )
    )


def moment(text: Any) -> datetime:
    """The aware UTC datetime of an RFC 3339 text. Raises ValueError, worded to follow the field's name."""
    if type(text) is not str or not _TIME(text):
        raise ValueError("is not an RFC 3339 time with a zone")
    try:
        return in_utc(datetime.fromisoformat(text.upper()))
    except ValueError as error:
        raise ValueError(NO_MOMENT) from error


def in_utc(at: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError if UTC has no such year."""
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(NO_MOMENT) from error


def rfc3339(at: datetime) -> str:
    """An aware datetime as RFC 3339 in UTC with `Z`. Raises ValueError for a naive one."""
    return _zoned(at).isoformat()[:-6] + "Z"


def _zoned(at: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone is not put on the wire")
    return at.astimezone(UTC)


def escaped(text: str) -> str:
    """The text in valid UTF-8: half characters as JSON escapes them (`\\ud83d`)."""
    return text.encode("utf-8", "backslashreplace").decode() if has_half_character(text) else text


def _name(value: Any, attribute: str) -> str:
    try:
        return _measured(value)
    except ValueError as error:
        raise NotAnEvent(f"{attribute} {error}") from error


def _measured(value: Any) -> str:
    if type(value) is not str or not value:
        raise ValueError("is missing or not text" if value != "" else "is empty")
    if len(value) > MAX_ID:
        raise ValueError(f"is longer than {MAX_ID} characters")
    return value


def _whole(text: str) -> str:
    if has_half_character(text):
        raise ValueError(HALF)
    return text


def _text(value: Any) -> str:
    if type(value) is str and value.isascii() and 0 < len(value) <= MAX_ID:  # nearly always
        return value
    return _whole(_measured(value))


def _optional(value: Any) -> str | None:
    # An empty attribute says as little as an absent one, so it refuses nothing.
    return None if value is None or value == "" else _text(value)


def _hint(value: Any) -> str | None:
    """An attribute that helps to follow a message, not to understand it: an unreadable one counts as left out."""
    try:
        return _optional(value)
    except ValueError:
        return None


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "id": _text,
    "type": _text,
    "source": _text,
    "time": moment,
    "subject": _optional,
}


def _faults(body: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the attributes, by name."""
    faults = {}
    for name, check in _CHECKS.items():
        try:
            check(body.get(name))
        except ValueError as error:
            faults[name] = str(error)
    return faults


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not put on the wire")
