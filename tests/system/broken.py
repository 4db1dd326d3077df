"""A service whose chassis is broken on purpose, and which dies in the middle of a turn: the checker has to find it.

`python -m tests.system.broken <service>` breaks and kills it as `CASEBUS_BROKEN` says (`test_broken.py`). The service
itself runs, started as the chassis starts it. The page is docs/testing.md.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from services.chassis import run, unit_of_work
from services.chassis.consumer import Consumer
from services.chassis.publisher import Publisher
from services.chassis.reading import Delivery
from services.chassis.unit_of_work import Store, Work

MANY = 20
"""Messages in the turn in which it dies."""


def die_in_turn(before: Callable[[Work], None], after: Callable[[Work], None]) -> None:
    """Call `before` and `after` around the commit of a turn of many messages."""
    commit = Store.commit

    def watched(store: Store, work: Work) -> None:
        many = len(work.handled) >= MANY
        if many:
            before(work)
        commit(store, work)
        if many:
            after(work)

    Store.commit = watched  # type: ignore[method-assign, assignment]


def kill(_work: Work) -> None:
    """`kill -9` this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def nothing(_work: Work) -> None:
    """Do nothing."""


def acknowledge_first() -> None:
    """Acknowledge what a turn takes when it takes it."""
    next_turn = Consumer._next_turn

    def acknowledged(consumer: Consumer) -> list[Delivery]:
        turn = next_turn(consumer)
        consumer._unacknowledged.finish(delivery.tag for delivery in turn)
        consumer._acknowledge()
        return turn

    def not_again(_consumer: Consumer, *_of_turn: Any) -> None:
        """It was done already."""

    Consumer._next_turn = acknowledged  # type: ignore[method-assign, assignment]
    Consumer._settle = not_again  # type: ignore[method-assign, assignment]


def store_nothing_outgoing() -> None:
    """Publish what a turn said without storing it."""
    unit_of_work._outbox_rows = lambda work: []


def publisher_of_this_process() -> list[Publisher]:
    """Filled when the service makes its publisher."""
    made: list[Publisher] = []
    make = Publisher.__init__

    def noted(publisher: Publisher, *arguments: Any) -> None:
        make(publisher, *arguments)
        made.append(publisher)

    Publisher.__init__ = noted  # type: ignore[method-assign, assignment]
    return made


def main(how: str) -> None:
    """Break the chassis."""
    match how:
        case "not, and dies before the commit":
            die_in_turn(before=kill, after=nothing)
        case "not, and dies after the commit":
            die_in_turn(before=nothing, after=kill)
        case "acknowledges first":
            acknowledge_first()
            die_in_turn(before=kill, after=nothing)
        case "stores nothing outgoing":
            store_nothing_outgoing()
            die_in_turn(before=nothing, after=kill)
        case "publishes first":
            made = publisher_of_this_process()

            def publish_and_die(work: Work) -> None:
                made[0].publish(work.outgoing)
                kill(work)

            die_in_turn(before=publish_and_die, after=nothing)
        case _:
            raise ValueError(f"it cannot be broken so: {how}")


if __name__ == "__main__":
    main(os.environ["CASEBUS_BROKEN"])
    sys.exit(run.main(sys.argv[1:]))
