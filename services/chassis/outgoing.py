"""A message ready to publish, as turns decide it, the outbox stores it and the publisher sends it."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from contracts.values import dataclass

DIRECT_REPLY = "amq.rabbitmq.reply-to."
"""The beginning of the names that the broker makes of `amq.rabbitmq.reply-to`."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to publish. `to_sender` and `cause` say whose command an outcome answers."""

    exchange: str
    routing_key: str
    message_id: str
    type: str
    body: bytes
    correlation_id: str | None = None
    reply_to: str | None = None
    mandatory: bool = True
    to_sender: str | None = None
    cause: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, str, str]:
        """What goes where: an outcome goes to several places under one id."""
        return self.exchange, self.routing_key, self.message_id

    @property
    def is_direct_reply(self) -> bool:
        """Whether it goes to RabbitMQ's direct reply-to: best effort, and never mandatory."""
        return not self.exchange and self.routing_key.startswith(DIRECT_REPLY)
