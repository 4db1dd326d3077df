"""Agents: signing on and off, presence. Owner: routing. The page is docs/contracts.md."""

from __future__ import annotations

from contracts import common
from contracts.fields import Choice, Flag, ListOf, Text, Whole
from contracts.payload import Payload

ANY_SKILL = "*"
"""In `skills`: the agent takes every category."""


class Agent(Payload):
    """Command `agent.heartbeat`."""

    agent_id = common.agent_id()


class SignOn(Agent):
    """Command `agent.sign_on`. Without `languages` or `tiers` the agent takes all."""

    display_name = Text(100)
    capacity = Whole(1, 100)
    skills = ListOf(Text(64), 100, 1)
    languages = ListOf(common.language(), 50, optional=True)
    tiers = ListOf(Choice(common.TIERS), 2, optional=True)


class SignOff(Agent):
    """Command `agent.sign_off`; `release`: what awaits the desk goes to other agents."""

    release = Flag(optional=True)


class SignedOn(SignOn):
    """Event `agent.signed_on`."""


class SignedOff(Agent):
    """Event `agent.signed_off`; `reason` is a word: why."""

    release = Flag(optional=True)
    reason = common.word(optional=True)
