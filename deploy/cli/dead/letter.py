"""A dead letter as an operator sees it: what it is, who sent it, where it died, since when and why.

Pure: takes what the broker delivered, and trusts only what the broker vouches for, because a sender may write any
header. `replaying.py` says what can be done with a letter. The page is docs/operating.md.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from contracts.envelope import NotAnEvent, parse
from contracts.names import DEAD, DESK, EVENTS, INTAKE, SERVICES

BROKERS_REASONS = {
    "delivery_limit": "its consumers were lost too often",
    "rejected": "rejected",
    "expired": "expired",
    "maxlen": "its queue was full",
}
"""The broker's reasons in `x-death`, in words."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in `helpdesk.dead`, and its destination (`exchange`, `routing_key`; None if unknown)."""

    id: str
    """Its AMQP message id, or one derived from its content."""
    died_in: str
    """The queue, or the routing key that no queue took."""
    reason: str
    type: str
    sender: str | None
    at: datetime | None
    """When it died; if that is unknown, when its sender says it was sent."""
    exchange: str | None
    routing_key: str
    properties: Mapping[str, Any]
    body: bytes

    @property
    def kind_of_reason(self) -> str:
        """The reason without its details, to count by."""
        return self.reason.partition(": ")[0]

    @property
    def fingerprint(self) -> bytes:
        """The same for copies of one message, different for any other letter."""
        return blake2b(self.id.encode("utf-8", "surrogatepass") + b"\0" + self.body, digest_size=16).digest()


def letter_of(exchange: str, routing_key: str, properties: Mapping[str, Any], body: bytes) -> Letter:
    """The letter that the broker delivered from `exchange` by `routing_key`; `properties` as py-amqp names them.

    A message dies in four ways, which differ in what only the broker writes (exchange, user id): a service
    dead-lettered it, a service found that no queue took it, the broker dead-lettered it from a queue, or no queue is
    bound for it.
    """
    headers: Mapping[str, Any] = properties.get("application_headers") or {}
    user = properties.get("user_id") or None
    deaths = headers.get("x-death")
    known: dict[str, Any]
    if exchange == DEAD and user in SERVICES and "x-reason" in headers:
        # No channel may publish here, so a service wrote the headers. If no queue took it, it was the service's own
        # message.
        known = {
            "died_in": routing_key,
            "reason": str(headers["x-reason"]),
            "sender": (headers["x-user-id"] or None) if "x-user-id" in headers else user,
            "exchange": headers.get("x-exchange"),
            "routing_key": str(headers.get("x-routing-key", "")),
            "at": headers.get("x-time"),
        }
    elif exchange == DEAD and isinstance(deaths, list) and deaths:
        newest = deaths[0]
        why = str(newest.get("reason", ""))
        known = {
            "died_in": str(newest.get("queue", routing_key)),
            "reason": f"by the broker: {BROKERS_REASONS.get(why, why)}",
            "sender": user,
            "exchange": newest.get("exchange"),
            "routing_key": str((newest.get("routing-keys") or [""])[0]),
            "at": newest.get("time"),
        }
    else:
        by_hand = exchange == DEAD
        known = {
            "died_in": routing_key,
            "reason": "put here by hand" if by_hand else f"no queue is bound for it: {exchange}",
            "sender": user,
            "exchange": None if by_hand else exchange,
            "routing_key": routing_key,
            "at": None,
        }
    at = known.pop("at")
    return Letter(
        id=properties.get("message_id") or "content-" + blake2b(body, digest_size=8).hexdigest(),
        type=_type(known["exchange"], known["routing_key"], properties),
        at=_aware(at) if isinstance(at, datetime) else _sent_at(body),
        properties=properties,
        body=body,
        **known,
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters an operator means: all given conditions hold. Patterns are those of a shell (`*`)."""

    ids: frozenset[str] = frozenset()
    queue: str | None = None
    reason: str | None = None
    """A part of the reason; case does not matter."""
    type: str | None = None
    sender: str | None = None
    before: datetime | None = None
    after: datetime | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether the letter matches. A letter without a known time is neither old nor new."""
        return (
            (not self.ids or letter.id in self.ids)
            and (self.reason is None or self.reason.casefold() in letter.reason.casefold())
            and _fits(self.queue, letter.died_in)
            and _fits(self.type, letter.type)
            and _fits(self.sender, letter.sender or "")
            and (self.before is None or (letter.at is not None and letter.at < self.before))
            and (self.after is None or (letter.at is not None and letter.at >= self.after))
        )

    @property
    def is_everything(self) -> bool:
        """Whether no condition is given."""
        return self == Choice()


def age_of(text: str) -> timedelta:
    """`90s`, `15m`, `36h` or `7d` as a duration. Raises ValueError for anything else."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    if not (text[:-1].isascii() and text[:-1].isdigit() and text[-1:] in units and len(text) <= 8):
        raise ValueError(text)
    return timedelta(**{units[text[-1]]: int(text[:-1])})


def _fits(pattern: str | None, text: str) -> bool:
    return pattern is None or fnmatch.fnmatchcase(text, pattern)


def _type(exchange: object, routing_key: str, properties: Mapping[str, Any]) -> str:
    """The routing key if that must be the type, otherwise what the service wrote."""
    if exchange in (INTAKE, DESK, EVENTS):
        return routing_key
    return str(properties.get("type") or routing_key)


def _sent_at(body: bytes) -> datetime | None:
    try:
        return parse(body).time
    except NotAnEvent:
        return None


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
