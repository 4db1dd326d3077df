"""Commands that the command line sends as the operator, and what it hears back.

What they are, and who answers them: docs/operating.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from contracts.envelope import Event
from contracts.registry import command
from deploy.settings import Settings
from deploy.trouble import Trouble
from services.client.bus import Bus

from . import show
from .sender import ANSWER_WITHIN, Sender


@contextmanager
def operator(settings: Settings) -> Iterator[Sender]:
    """The operator, who hears the outcomes of what they send. Raises Trouble where the broker cannot be reached."""
    with Bus(settings.get("AMQP_OPERATOR")) as bus:
        sender = Sender(bus)
        sender.listen_privately()
        yield sender


def asked(sender: Sender, type_: str, data: Mapping[str, Any]) -> Event:
    """The outcome of one command. Raises Trouble where none comes in time."""
    try:
        return sender.ask(type_, data)
    except TimeoutError as error:
        kind = command(type_)
        service = "the desk" if kind is None else kind.answered_by
        raise Trouble(
            f"No outcome of {type_} came within {ANSWER_WITHIN:.0f} s: does {service} run? The command waits for it."
        ) from error


def accepted(outcome: Event) -> Event:
    """The outcome; Trouble with its sentences if it is a refusal."""
    if outcome.type != "command.rejected":
        return outcome
    errors = [sentence for sentences in outcome.data.get("errors", {}).values() for sentence in sentences]
    raise Trouble(show.plain(" ".join(errors or [outcome.data["message"]])))


def each_of(sender: Sender, type_: str, field: str, ids: Sequence[str], at_once: int) -> int:
    """Send the command for all `ids`, in lists of `at_once` under `field`; gives how many of them it had an effect on.

    On the others, which the outcome names by their place, somebody else was faster. Raises Trouble for any other
    refusal.
    """
    count = 0
    for start in range(0, len(ids), at_once):
        named = list(ids[start : start + at_once])
        outcome = asked(sender, type_, {field: named})
        is_refused = outcome.type == "command.rejected"
        said = outcome.data.get("errors" if is_refused else "hints") or {}
        without_effect = sum(f"{field}.{place}" in said for place in range(len(named)))
        if is_refused and without_effect < len(named):
            accepted(outcome)
        count += len(named) - without_effect
    return count
