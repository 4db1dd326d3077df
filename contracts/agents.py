"""Agents: signing on and off, presence. Owner: routing. The page is docs/contracts.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from contracts import common
from contracts.fields import Choice, Flag, ListOf, Moment, Text, Whole
from contracts.languages import speaks
from contracts.payload import Payload

ANY_SKILL = "*"
"""In `skills`: the agent takes every category."""


class Skilled(Protocol):
    """What an agent said on signing on, with the skills that the categories ask for."""

    @property
    def skills(self) -> Sequence[str]: ...
    @property
    def languages(self) -> Sequence[str]: ...
    @property
    def tiers(self) -> Sequence[str]: ...


def may_have(agent: Skilled, skill: str, language: str | None, tier: str) -> bool:
    """What signing on so means: skilled for the category; for language and tier too, where the agent lists them and
    the ticket has one."""
    return (
        (ANY_SKILL in agent.skills or skill in agent.skills)
        and (not agent.languages or language is None or speaks(agent.languages, language))
        and (not agent.tiers or tier in agent.tiers)
    )


class Agent(Payload):
    """Command `agent.heartbeat`."""

    agent_id = common.agent_id()


class SignOn(Agent):
    """Command `agent.sign_on`. Without `languages` or `tiers` the agent takes all."""

    display_name = common.display_name()
    capacity = Whole(1, 100)
    skills = ListOf(common.category(), 100, 1)
    languages = ListOf(common.nearest_language(), 50, optional=True)
    tiers = ListOf(Choice(common.TIERS), 2, optional=True)


class SignOff(Agent):
    """Command `agent.sign_off`; `release`: what awaits the desk goes to other agents."""

    release = Flag(optional=True)


class Pause(Agent):
    """Commands `agent.pause` and `agent.resume`; `member`: another agent, whom a supervisor pauses or lets go on."""

    member = common.agent_id(optional=True)


class SignedOn(Agent):
    """Event `agent.signed_on`; of the news about an agent that with the latest `at` holds. `paused`: by a supervisor,
    who has not let them go on yet. What an older version took for a name or a skill stays readable."""

    display_name = Text(100, 0)
    capacity = Whole(1, 100)
    skills = ListOf(Text(64), 100, 1)
    languages = ListOf(common.nearest_language(), 50, optional=True)
    tiers = ListOf(Choice(common.TIERS), 2, optional=True)
    at = Moment(optional=True)
    paused = Flag(optional=True)


class Paused(Agent):
    """Events `agent.paused` and `agent.resumed`; `by`: the supervisor who did it, if the agent did not themselves. `at`
    as in `agent.signed_on`."""

    by = common.agent_id(optional=True)
    at = Moment()


class SignedOff(Agent):
    """Event `agent.signed_off`; `reason` is a word: why. `at` as in `agent.signed_on`."""

    release = Flag(optional=True)
    reason = common.word(optional=True)
    at = Moment(optional=True)
