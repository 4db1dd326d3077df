"""`erasures.confirm_swept`: the operator has removed the dead letters that spoke of erased people.

Services may not read the dead letters, so the operator tells intake. The page is docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from contracts.accounts import ConfirmSwept
from services.chassis.decision import Decision, Message
from services.intake.domain import answers
from services.intake.domain.needs import ErasureOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.erasure import Erasure


def confirm_swept(view: View, message: Message[ConfirmSwept], now: datetime) -> Decision:
    """Record it for the erasures that are done. `hints` names the others; if there are only others, the command is
    refused."""
    swept: dict[str, Erasure] = {}
    hints: dict[str, list[str]] = {}
    for place, id_ in enumerate(message.data.erasures):
        erasure = view.erasures.get(id_)
        if erasure is None:
            hints[f"erasures.{place}"] = ["There is no such erasure."]
        elif not erasure.done:
            hints[f"erasures.{place}"] = ["This erasure is not done yet."]
        else:
            swept[id_] = replace(erasure, version=erasure.version + 1, swept_at=now)
    if not swept:
        return Decision(answer=answers.invalid(hints))
    return Decision(list(swept.values()), answer=answers.done(hints=hints))


def swept_needed(_known: View, message: Message[ConfirmSwept]) -> Iterable[Need]:
    """The erasures."""
    return map(ErasureOf, message.data.erasures)
