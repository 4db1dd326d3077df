"""`attachment_keys.rotate`: another master key wraps the keys of all files, a portion in each turn.

The keys are wrapped before the turn (files/rewrapping.py); here it is decided whether that begins, goes on and ends.
The page is docs/attachments.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from contracts.attachments import RotateKeys
from services.chassis.decision import Arm, Decision, Message, Timer
from services.intake.domain import answers
from services.intake.domain.values.rotation import THE_ONE, Rewrapped, Rotation

LANE = "rotation"

ASK_ANOTHER = timedelta(seconds=10)
"""When another instance may try: the key file of this one does not have the key."""


class KeyRotationTimer(Timer):
    """Takes one portion after the other."""

    kind = "key_rotation"


def rotate(known: Rotation | None, current: str, message: Message[RotateKeys], now: datetime) -> Decision:
    """Begin, unless the same rotation is under way. `current`: the master key that wraps the keys of new files."""
    key = message.data.key
    if key != current:
        wrong = (
            f"Intake wraps the keys of new files by {current!r}. Put {key!r} first in its key file, then restart it."
        )
        return Decision(answer=answers.invalid({"key": [wrong]}))
    accepted = answers.done()
    if known is not None and known.key == key and known.finished_at is None:
        return Decision(answer=accepted)
    begun = Rotation(key, now, version=1 if known is None else known.version + 1)
    return Decision([begun], answer=accepted, timers=[_next(now)])


def go_on(rotation: Rotation | None, portion: Rewrapped | None, now: datetime) -> Decision:
    """The timer fired: record the portion that was wrapped; the next is due at once, until nothing is left."""
    if rotation is None or rotation.finished_at is not None:
        return Decision()
    if portion is None:
        return Decision(timers=[_next(now + ASK_ANOTHER)])
    if portion.version != rotation.version:  # another key took its place while it was wrapped
        return Decision(timers=[_next(now)])
    after = replace(
        rotation,
        version=rotation.version + 1,
        wrapped=rotation.wrapped + portion.wrapped,
        left=dict(Counter(rotation.left) + Counter(portion.left)),
        read_to=portion.read_to,
        finished_at=now if portion.finished else None,
    )
    return Decision([after], timers=[] if portion.finished else [_next(now)])


def _next(due: datetime) -> Arm:
    return Arm(KeyRotationTimer.kind, KeyRotationTimer(due=due), THE_ONE, lane=LANE)
