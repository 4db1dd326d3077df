"""Publishes with confirms what turns have decided, then removes it from the outbox. Dead-letters what no queue takes.

It knows no turns: it gets messages, and the names of the turns that stored them. See docs/turn.md.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime

from contracts.topology import DEAD
from services.chassis import telemetry
from services.chassis.outgoing import Outgoing
from services.chassis.patience import Patience
from services.chassis.publisher import BrokerAway, PublishesMessages
from services.chassis.unit_of_work import StoresWork
from services.chassis.writing import unroutable_copy

log = logging.getLogger(__name__)

SENT_AT_ONCE = 5
"""How many published turns are removed from the outbox together; fewer, if a second has passed."""


class Sending:
    """The sending of one process, one batch at a time. `reveal` runs when a message is published, for what is never
    stored."""

    def __init__(
        self,
        store: StoresWork,
        publisher: PublishesMessages,
        reveal: Callable[[Outgoing], Outgoing] | None,
        patience: Patience,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._reveal = reveal
        self._patience = patience
        self._one_at_a_time = threading.Lock()
        self._sent: list[str] = []

    def send(self, messages: Iterable[Outgoing], stored_by: Collection[str], left_by: Collection[str]) -> None:
        """Publish these messages, some of which the turns `stored_by` stored, and what the turns `left_by` left unsent.

        Raises `Stopping`; then all of them are still to be sent.
        """
        with self._one_at_a_time, telemetry.TURN_SECONDS.labels("publish").time():
            left = sorted(set(left_by) - set(self._sent))
            unsent = self._patience.reach_database(lambda: self._store.unsent(left)) if left else []
            self._publish([*messages, *unsent])
            self._sent += [*stored_by, *left]
            if len(self._sent) >= SENT_AT_ONCE:
                self._patience.reach_database(self.strike)

    def sweep(self, turns: Sequence[str]) -> None:
        """Publish what these turns stored and a crash kept from being published. Raises `Stopping`."""
        with self._one_at_a_time:
            self._publish(self._patience.reach_database(lambda: self._store.unsent(turns)))
            self._patience.reach_database(lambda: self._store.sent(turns))

    def strike(self) -> None:
        """Remove from the outbox what was published (the sweeper's work, where turns are few). Raises `DatabaseAway`.

        What a crash leaves there is published once more, under the same ids.
        """
        struck, self._sent = self._sent, []
        try:
            self._store.sent(struck)
        except BaseException:  # the sweeper's stop too: it removes what it had in hand
            self._sent += struck
            raise

    def _publish(self, messages: Sequence[Outgoing]) -> None:
        """Publish them; dead-letter what no queue takes."""
        untaken = {message.address for message in self._confirmed(self._revealed(messages))}
        # As they were stored: what is only revealed when it is published stays out of the dead letters.
        returned = [message for message in messages if untaken and message.address in untaken]
        if returned:
            telemetry.SET_ASIDE.labels("unroutable").inc(len(returned))
            for message in returned:
                log.warning(
                    "no queue took a message",
                    extra={"id": message.message_id, "type": message.type, "key": message.routing_key},
                )
            at = datetime.now(UTC)
            lost = [message if message.exchange == DEAD else unroutable_copy(message, at) for message in returned]
            while lost := self._confirmed(lost):
                self._patience.wait("queue of the dead letters", BrokerAway(f"nothing is bound to {DEAD}"))

    def _revealed(self, messages: Sequence[Outgoing]) -> Sequence[Outgoing]:
        reveal = self._reveal
        return messages if reveal is None else [reveal(message) for message in messages]

    def _confirmed(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Publish, once the broker is there. Returns the messages that no queue took."""
        while True:
            try:
                return self._publisher.publish(messages)
            except BrokerAway as error:
                self._patience.wait("broker", error)
