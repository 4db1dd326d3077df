"""Every destination of deliveries: the mail server and the operator's webhooks, each with a circuit of its own.

mailer.py and webhooks.py send the batches. See docs/notifications.md.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from services.notifications.domain.attempts import lane_of
from services.notifications.domain.state import Delivery, Outcome
from services.notifications.lines import Circuit
from services.notifications.mailer import Mail, Mailer
from services.notifications.webhooks import Poster, Request

log = logging.getLogger(__name__)

ANSWERS = frozenset({"receipt", "reopened"})
"""Kinds of mails by which the desk answers by itself what a requester wrote (RFC 3834, "auto-replied")."""

Addressed: TypeAlias = tuple[Delivery, str | None]
"""A delivery, and the requester's mail address if it is a mail to them."""


class Sends(Protocol):
    """What the repository needs: try each of these deliveries once, and return the outcome of each by id."""

    def send(self, deliveries: Sequence[Addressed], now: datetime) -> dict[str, Outcome]: ...


class Senders:
    """Sends by one mail server and these webhooks (`Sends`); mails to the community manager go to `manager`."""

    def __init__(self, mailer: Mailer, posters: Mapping[str, Poster], manager: str | None = None) -> None:
        self._mailer = mailer
        self._posters = posters
        self._manager = manager
        self._circuits: defaultdict[str, Circuit] = defaultdict(Circuit)

    def send(self, deliveries: Sequence[Addressed], now: datetime) -> dict[str, Outcome]:
        """Try each once, one destination after the other (a turn has those of one lane)."""
        by_lane: defaultdict[str, list[Addressed]] = defaultdict(list)
        for addressed in deliveries:
            by_lane[lane_of(addressed[0])].append(addressed)
        outcomes: dict[str, Outcome] = {}
        for lane, group in by_lane.items():
            circuit = self._circuits[lane]
            refusal = circuit.refusal(now)
            if refusal is not None:
                outcomes |= {delivery.id: refusal for delivery, _ in group}
                continue
            heard = self._send(group, now)
            away = circuit.heard(list(heard.values()), now)
            if away is not None:
                log.warning("a destination is away; its deliveries wait", extra={"destination": lane, "why": away})
            outcomes |= heard
        return outcomes

    def _send(self, group: Sequence[Addressed], now: datetime) -> dict[str, Outcome]:
        """All to one destination."""
        first, _ = group[0]
        if first.channel == "webhook":
            poster = self._posters.get(first.recipient)
            if poster is None:
                # Taken out of the file; or an instance that has read a newer file has to send it.
                return {
                    delivery.id: Outcome("deferred", "there is no such webhook in the file") for delivery, _ in group
                }
            return poster.send([Request(delivery.id, delivery.text) for delivery, _ in group], now)
        return self._mailer.send([self._mail(delivery, email) for delivery, email in group])

    def _mail(self, delivery: Delivery, email: str | None) -> Mail:
        to = self._manager if delivery.kind == "escalated_to_manager" else email
        return Mail(
            delivery.id,
            to or "",
            delivery.number,
            delivery.title,
            delivery.text,
            delivery.created_at,
            answers=delivery.kind in ANSWERS,
        )
