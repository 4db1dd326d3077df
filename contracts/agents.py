"""Agents: signing on and off, presence. Owner: routing. The page is docs/contracts.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

from msgspec import Meta

from contracts.common import (
    AgentId,
    Category,
    DisplayName,
    KnownCategory,
    NearestLanguage,
    ShownName,
    Tier,
    Word,
)
from contracts.fields import Moment, Whole
from contracts.languages import speaks
from contracts.payload import Payload, kept

ANY_SKILL = "*"
"""In `skills`: the agent takes every category."""


class Skilled(Protocol):
    """What an agent said at sign-on, with the skills that the categories ask for."""

    @property
    def skills(self) -> Sequence[str]: ...
    @property
    def languages(self) -> Sequence[str]: ...
    @property
    def tiers(self) -> Sequence[str]: ...


def may_have(agent: Skilled, skill: str, language: str | None, tier: str) -> bool:
    """Whether the agent may have the ticket: skilled for its category, and for its language and tier if the agent lists
    any and the ticket has one."""
    return (
        (ANY_SKILL in agent.skills or skill in agent.skills)
        and (not agent.languages or language is None or speaks(agent.languages, language))
        and (not agent.tiers or tier in agent.tiers)
    )


class Agent(Payload):
    """Command `agent.heartbeat`."""

    agent_id: AgentId


class SignOn(Agent):
    """Command `agent.sign_on`. Without `languages` or `tiers` the agent takes all."""

    display_name: DisplayName
    capacity: Annotated[int, Whole(1, 100).rule]
    skills: Annotated[Sequence[Category], Meta(min_length=1, max_length=100)]
    languages: Annotated[Sequence[NearestLanguage], Meta(max_length=50)] = ()
    tiers: Annotated[Sequence[Tier], Meta(max_length=2)] = ()


class SignOff(Agent):
    """Command `agent.sign_off`; `release`: what awaits the desk goes to other agents."""

    release: bool = False


class Pause(Agent):
    """Commands `agent.pause` and `agent.resume`; `member`: another agent, whom a supervisor pauses or resumes."""

    member: AgentId | None = None


class SignedOn(Agent):
    """Event `agent.signed_on`; of the events about an agent, the one with the latest `at` holds. `paused`: a
    supervisor has paused them. Names and skills that an older version accepted stay readable."""

    display_name: ShownName
    capacity: Annotated[int, Whole(1, 100).rule]
    skills: Annotated[Sequence[KnownCategory], Meta(min_length=1, max_length=100)]
    languages: Annotated[Sequence[NearestLanguage], Meta(max_length=50)] = kept(())
    tiers: Annotated[Sequence[Tier], Meta(max_length=2)] = kept(())
    at: Moment | None = None
    paused: bool = False


class Paused(Agent):
    """Events `agent.paused` and `agent.resumed`; `by`: the supervisor, if it was not the agent. `at` as in
    `agent.signed_on`."""

    by: AgentId | None = None
    at: Moment


class SignedOff(Agent):
    """Event `agent.signed_off`; `reason`: one word. `at` as in `agent.signed_on`."""

    release: bool = kept(False)
    reason: Word | None = None
    at: Moment | None = None
