"""Agents who pause: they get nothing new and keep what they have.

Agents pause themselves, and a supervisor pauses a member of their teams; then only a supervisor lets them go on.
Signing on or off ends one's own pause, and no other. The page is docs/routing.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from contracts.agents import Pause, Paused
from contracts.names import AGENT_PREFIX, EVENTS
from contracts.tickets import Accepted
from services.chassis.decision import Answer, Decision, Message, Say, rejected
from services.routing.domain.state import Agent, View


def decide(view: View, message: Message[Pause], now: datetime) -> Decision:
    """What `agent.pause` and `agent.resume` change."""
    agent_id, pauses = message.data.agent_id, message.type == "agent.pause"
    member = message.data.member or agent_id
    agent = view.agents.get(member)
    refused = _refused(view, message, agent, member, pauses)
    if refused is not None:
        return Decision(answer=refused)
    agent = agent or Agent(member, display_name=member)
    by = None if member == agent_id else agent_id
    # What a supervisor has said holds; the agent cannot make it their own pause.
    after = replace(agent, paused=True, paused_by=agent.paused_by or by) if pauses else resumed(agent)
    accepted = Answer("command.accepted", Accepted(), member)
    if after == agent:
        return Decision(answer=accepted)
    type_ = "agent.paused" if pauses else "agent.resumed"
    told = Paused(agent_id=member, at=now, by=by)
    return Decision([after], [Say(EVENTS, type_, type_, told, member)], accepted)


def resumed(agent: Agent) -> Agent:
    """The agent without a pause."""
    return replace(agent, paused=False, paused_by=None)


def without_own_pause(agent: Agent) -> Agent:
    """The agent without the pause that they took themselves."""
    return agent if agent.paused_by is not None else resumed(agent)


def _refused(view: View, message: Message[Pause], agent: Agent | None, member: str, pauses: bool) -> Answer | None:
    agent_id = message.data.agent_id
    if message.sender != AGENT_PREFIX + agent_id:
        return rejected("forbidden", "Agents may pause only themselves.")
    if member != agent_id:
        if view.staff is None or not view.staff.supervises(agent_id, member):
            return rejected("forbidden", f"Only supervisors of a team of {member} may do that.")
        return None
    if agent is None or not agent.signed_on:
        return rejected("wrong_status", f"Agent {agent_id} is not signed on.")
    if not pauses and agent.paused_by is not None and view.staff is not None:
        return rejected("forbidden", f"{agent.paused_by} has paused you: a supervisor has to let you go on.")
    return None
