"""Goes through the dead letters: counts, replays or drops the chosen ones.

A letter leaves the queue only when the broker has confirmed its replay. A crash in between replays it twice, which is
harmless because of its id. The page is docs/operating.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from amqp.exceptions import AccessRefused, PreconditionFailed

from deploy.settings import Settings
from deploy.trouble import Trouble
from services.client.bus import Bus

from .letter import Choice, Letter
from .queue import DeadLetters
from .replaying import REPLAYERS, Replay, Unfit, replay_of


@dataclass(slots=True)
class Dealt:
    """What became of the chosen letters: how many went where, and how many stay for which reason."""

    done: Counter[str] = field(default_factory=Counter)
    stay: Counter[str] = field(default_factory=Counter)
    found: set[str] = field(default_factory=set)
    """The requested ids that exist."""


def chosen(letters: DeadLetters, choice: Choice) -> Iterator[Letter]:
    """The chosen letters, oldest first; all stay where they are."""
    for batch in letters.batches():
        yield from (letter for _, letter in batch if choice.takes(letter))


def replay(settings: Settings, choice: Choice, *, dry_run: bool) -> Dealt:
    """Send the chosen letters to their destination, in their senders' names, and remove those that arrived."""
    dealt = Dealt()
    with ExitStack() as stack:
        letters = stack.enter_context(reading(settings))
        publishers: dict[str, Bus] = {}

        def publisher(who: str) -> Bus:
            if who not in publishers:
                publishers[who] = stack.enter_context(Bus(settings.get(REPLAYERS[who]), heartbeat=60))
            return publishers[who]

        for batch in letters.batches():
            ready = []
            for tag, letter in batch:
                if choice.takes(letter):
                    dealt.found.add(letter.id)
                    way = replay_of(letter)
                    if isinstance(way, Unfit):
                        dealt.stay[way.reason] += 1
                    else:
                        ready.append((tag, letter, way))
            if dry_run:
                dealt.done.update(way.where for _, _, way in ready)
            elif ready:
                letters.remove(_sent_again(ready, publisher, dealt))
    return dealt


def _sent_again(ready: list[tuple[int, Letter, Replay]], publisher: Callable[[str], Bus], dealt: Dealt) -> list[int]:
    """Publish a batch. Returns the tags of the letters that the broker has accepted and routed to a queue."""
    used = {way.by: publisher(way.by) for _, _, way in ready}
    for bus in used.values():
        bus.returned.clear()
        bus.refused.clear()
    try:
        for _, letter, way in ready:
            used[way.by].publish(way.exchange, way.routing_key, letter.body, **way.properties)
        for bus in used.values():
            bus.settle()
    except (AccessRefused, PreconditionFailed) as error:
        raise Trouble(
            f"The broker refuses to take a dead letter ({error.reply_text}). Those that it had confirmed have left"
            " helpdesk.dead. `casebus doctor` says which permission is wrong."
        ) from error
    taken = []
    for tag, _, way in ready:
        id_ = way.properties.get("message_id", "")
        # If one of two letters with the same id was not accepted, both stay: a repetition is harmless, a loss is not.
        if id_ in used[way.by].returned:
            dealt.stay[f"no queue takes {way.routing_key}"] += 1
        elif id_ in used[way.by].refused:
            dealt.stay[f"a queue for {way.routing_key} is full"] += 1
        else:
            dealt.done[way.where] += 1
            taken.append(tag)
    return taken


def count(settings: Settings, choice: Choice) -> tuple[Dealt, set[bytes]]:
    """How many letters were chosen, by reason, and their fingerprints, by which to find exactly these again."""
    dealt, prints = Dealt(), set()
    with reading(settings) as letters:
        for letter in chosen(letters, choice):
            dealt.found.add(letter.id)
            dealt.done[letter.kind_of_reason] += 1
            prints.add(letter.fingerprint)
    return dealt, prints


def drop(settings: Settings, choice: Choice, only: Collection[bytes]) -> int:
    """Delete the chosen letters that have these fingerprints. Returns how many they were."""
    dropped = 0
    with reading(settings) as letters:
        for batch in letters.batches():
            tags = [tag for tag, letter in batch if choice.takes(letter) and letter.fingerprint in only]
            letters.remove(tags)
            dropped += len(tags)
    return dropped


def reading(settings: Settings) -> DeadLetters:
    """The dead letters, read as the broker user `operator`."""
    return DeadLetters(settings.get(REPLAYERS["operator"]))


def summary_of(letter: Letter) -> dict[str, Any]:
    """A letter without its body, for a program."""
    way = replay_of(letter)
    return {
        "id": letter.id,
        "died_in": letter.died_in,
        "reason": letter.reason,
        "type": letter.type,
        "sender": letter.sender,
        "at": letter.at.isoformat() if letter.at else None,
        "exchange": letter.exchange,
        "routing_key": letter.routing_key,
        "bytes": len(letter.body),
        "unfit": way.reason if isinstance(way, Unfit) else None,
    }
