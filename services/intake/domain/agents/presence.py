"""News of agents from routing, which owns them.

Intake keeps the newest of each agent, so hearing the same twice changes nothing. The page is docs/ticket-life.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from contracts.agents import Paused, SignedOff, SignedOn
from services.chassis.decision import Decision, Message
from services.intake.domain.needs import AgentOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.agent import EVER, KnownAgent

HEARD = Decision(remember=False)
"""For news that is older than what intake knows, or about an agent whom it does not know."""


def signed_on(view: View, message: Message[SignedOn], _: datetime) -> Decision:
    """`agent.signed_on`."""
    data, known = message.data, view.agents.get(message.data.agent_id)
    at = data.at or EVER
    if known is not None and known.at > at:
        return HEARD
    agent = KnownAgent(
        data.agent_id,
        data.display_name,
        tuple(data.skills),
        tuple(data.languages),
        tuple(data.tiers),
        at=at,
        revision=0 if known is None else known.revision + 1,
        paused=data.paused,
    )
    return Decision([agent], remember=False)


def paused(view: View, message: Message[Paused], _: datetime) -> Decision:
    """`agent.paused`: the agent gets nothing new."""
    return _going_on(view, message.data, paused=True)


def resumed(view: View, message: Message[Paused], _: datetime) -> Decision:
    """`agent.resumed`."""
    return _going_on(view, message.data, paused=False)


def signed_off(view: View, message: Message[SignedOff], _: datetime) -> Decision:
    """`agent.signed_off`."""
    known, at = view.agents.get(message.data.agent_id), message.data.at or EVER
    if known is None or known.at > at:
        return HEARD
    return Decision([replace(known, signed_on=False, at=at, revision=known.revision + 1)], remember=False)


def _going_on(view: View, data: Paused, *, paused: bool) -> Decision:
    known = view.agents.get(data.agent_id)
    if known is None or known.at > data.at:
        return HEARD
    return Decision([replace(known, paused=paused, at=data.at, revision=known.revision + 1)], remember=False)


def agent_needed(_known: View, message: Message[SignedOn] | Message[SignedOff] | Message[Paused]) -> Iterable[Need]:
    """What is known before the news."""
    yield AgentOf(message.data.agent_id)
