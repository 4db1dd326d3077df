"""Outcomes of the operator's commands.

docs/operating.md says which commands the operator sends, and who answers them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from contracts.outcomes import Outcome as Effect
from contracts.payload import Payload
from deploy.trouble import Trouble
from services.client.blocking import Client
from services.client.core import Outcome

from . import show

P = TypeVar("P", bound=Payload)


def accepted(outcome: Outcome, form: type[P]) -> P:
    """The data of the outcome. Raises Trouble with its sentences if it is a rejection."""
    refused = outcome.rejected
    if refused is None:
        return outcome.expect(form)
    errors = [sentence for sentences in refused.errors.values() for sentence in sentences]
    raise Trouble(show.plain(" ".join(errors or [refused.message])))


def each_of(
    desk: Client, type_: str, form: Callable[[Sequence[str]], Payload], field: str, ids: Sequence[str], at_once: int
) -> int:
    """Send the command for all `ids`, in lists of `at_once`, of which `form` makes its data; returns on how many of
    them it had an effect. `field`: where the data has them.

    The outcome names the others by their place: somebody else was faster. Raises Trouble for any other rejection.
    """
    count = 0
    for start in range(0, len(ids), at_once):
        named = ids[start : start + at_once]
        outcome = desk.command(type_, form(named))
        refused = outcome.rejected
        said = accepted(outcome, Effect).hints or {} if refused is None else refused.errors
        without_effect = sum(f"{field}.{place}" in said for place in range(len(named)))
        if refused is not None and without_effect < len(named):
            accepted(outcome, Effect)
        count += len(named) - without_effect
    return count
