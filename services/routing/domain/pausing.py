"""Agents who pause: they get nothing new and keep what they have.

Agents pause themselves, and a supervisor pauses a member of their teams; then only a supervisor can resume them.
Signing on or off ends an agent's own pause, and no other. The page is docs/routing.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from contracts.agents import Pause, Paused
from contracts.names import AGENT_PREFIX, EVENTS
from contracts.outcomes import Accepted
from services.chassis.decision import Answer, Decision, Message, Say, rejected
from services.routing.domain.needs import AgentOf, Need
from services.routing.domain.state import Agent, View


def member_needed(message: Message[Pause]) -> list[Need]:
    """Whom it is about."""
    return [AgentOf(_member(message))]


def resuming(view: View, message: Message[Pause], now: datetime) -> Agent | None:  # noqa: ARG001 - as others have it
    """Who resumes, as they will be."""
    agent = view.agents.get(_member(message))
    return None if agent is None else resumed(agent)


def pause(view: View, message: Message[Pause], now: datetime) -> Decision:
    """`agent.pause`: they get nothing new."""
    refused = _refused(view, message)
    if refused is not None:
        return Decision(answer=refused)
    member = _member(message)
    agent = view.agents.get(member) or Agent(member, display_name=member)
    # What a supervisor has said holds; the agent cannot make it their own pause.
    by = agent.paused_by or _supervisor(message)
    return _told(message, agent, replace(agent, paused=True, paused_by=by), "agent.paused", now)


def resume(view: View, message: Message[Pause], now: datetime) -> Decision:
    """`agent.resume`: they get new tickets again."""
    member = _member(message)
    agent = view.agents.get(member) or Agent(member, display_name=member)
    refused = _refused(view, message) or _may_not_go_on(view, message, agent)
    if refused is not None:
        return Decision(answer=refused)
    return _told(message, agent, resumed(agent), "agent.resumed", now)


def _told(message: Message[Pause], agent: Agent, after: Agent, type_: str, now: datetime) -> Decision:
    accepted = Answer("command.accepted", Accepted(), agent.id)
    if after == agent:
        return Decision(answer=accepted)
    told = Paused(agent_id=agent.id, at=now, by=_supervisor(message))
    return Decision([after], [Say(EVENTS, type_, type_, told, agent.id)], accepted)


def _member(message: Message[Pause]) -> str:
    """Whom it is about."""
    return message.data.member or message.data.agent_id


def _supervisor(message: Message[Pause]) -> str | None:
    """Who says it of somebody else; None: agents say it of themselves."""
    return None if _member(message) == message.data.agent_id else message.data.agent_id


def resumed(agent: Agent) -> Agent:
    """The agent without a pause."""
    return replace(agent, paused=False, paused_by=None)


def without_own_pause(agent: Agent) -> Agent:
    """The agent without the pause that they took themselves."""
    return agent if agent.paused_by is not None else resumed(agent)


def _refused(view: View, message: Message[Pause]) -> Answer | None:
    agent_id, member = message.data.agent_id, _member(message)
    if message.sender != AGENT_PREFIX + agent_id:
        return rejected("forbidden", "Agents may pause only themselves.")
    if member != agent_id:
        if view.staff is None or not view.staff.supervises(agent_id, member):
            return rejected("forbidden", f"Only supervisors of a team of {member} may do that.")
        return None
    agent = view.agents.get(agent_id)
    if agent is None or not agent.signed_on:
        return rejected("wrong_status", f"Agent {agent_id} is not signed on.")
    return None


def _may_not_go_on(view: View, message: Message[Pause], agent: Agent) -> Answer | None:
    """Why the agent cannot resume by themselves."""
    if _supervisor(message) is not None or agent.paused_by is None or view.staff is None:
        return None
    return rejected("forbidden", f"{agent.paused_by} has paused you: a supervisor has to let you go on.")
