"""Who works at the desk: who may do what by the staff file, who is signed on, who has paused, who has been gone for how
long.

A part of the model (reference.py). It shares no code with the services. The page is docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.model.cases import SKILL, Case, Data, Verdict, may_have, refused

STAFF_FILE = Path(__file__).parent / "staff.yaml"
STAFF: Mapping[str, Data] = {member["agent_id"]: member for member in yaml.safe_load(STAFF_FILE.read_text())["members"]}
"""By agent id, in the file's order."""

ABSENT_AFTER = timedelta(minutes=30)
"""After a sign-off, what awaits the desk goes to others."""


def directs(agent: str, other: str) -> bool:
    """Whether that member may direct the other: a manager everyone, a supervisor who shares a team with them."""
    if agent not in STAFF or other not in STAFF:
        return False
    member, roles = STAFF[agent], STAFF[agent]["roles"]
    shares = set(member.get("teams", ())) & set(STAFF[other].get("teams", ()))
    return "manager" in roles or ("supervisor" in roles and bool(shares))


def supervises(agent: str, case_agent: str | None, category: str) -> bool:
    """A member of their teams has it; or nobody has it, and an agent of their teams is skilled for it."""
    if case_agent is not None:
        return directs(agent, case_agent)
    skilled = [id_ for id_, member in STAFF.items() if _has_skill(member.get("skills", ()), category)]
    return "manager" in STAFF.get(agent, {}).get("roles", ()) or any(directs(agent, member) for member in skilled)


def supervisors_of(category: str) -> list[str]:
    """Who hears of a target of a ticket that nobody has, in the file's order."""
    return [agent for agent in STAFF if supervises(agent, None, category)]


def _has_skill(skills: Any, category: str) -> bool:
    return bool({"*", category, SKILL[category]} & set(skills))


def allowed(data: Data) -> Data:
    """What an agent says at sign-on, within what the staff file allows."""
    member, said = STAFF[data["agent_id"]], data["skills"]
    skills = member["skills"] if "*" in said else said
    if "*" not in member["skills"]:
        skills = [skill for skill in skills if skill in member["skills"]]
    return {**data, "skills": skills, "capacity": min(data["capacity"], member["capacity"])}


class Agents:
    """Who is there."""

    def __init__(self) -> None:
        self.agents: dict[str, Data] = {}
        """Who is signed on, with what holds of what they said."""
        self.known_agents: dict[str, Data] = {}
        """Whoever signed on once."""
        self.paused: dict[str, str | None] = {}
        """Who gets nothing new, and which supervisor said so; None: they themselves."""
        self.left_at: dict[str, datetime] = {}
        """Since when agents who are no longer signed on have been gone."""
        self.released: set[str] = set()
        """Who left what awaits the desk to others."""

    def of_presence(self, type_: str, data: Data, now: datetime) -> Verdict:
        """What becomes of an agent by their own command, or by their supervisor's."""
        agent = data["agent_id"]
        if type_ == "agent.sign_on":
            if "agent" not in STAFF.get(agent, {}).get("roles", ()):
                return refused("forbidden")
            return Verdict(outcome="command.accepted", effect=lambda: self._signed_on(data))
        if type_ in ("agent.pause", "agent.resume"):
            return self._pauses(type_ == "agent.pause", agent, data.get("member", agent))
        if agent not in (self.known_agents if type_ == "agent.sign_off" else self.agents):
            return refused("wrong_status")
        if type_ == "agent.sign_off":
            release = bool(data.get("release"))
            return Verdict(outcome="command.accepted", effect=lambda: self.signed_off(agent, now, release))
        return Verdict(outcome="command.accepted")

    def _signed_on(self, data: Data) -> list[Case]:
        agent = data["agent_id"]
        self.agents[agent] = self.known_agents[agent] = allowed(data)
        self.left_at.pop(agent, None)
        self.released.discard(agent)
        self._ends_own_pause(agent)
        return []

    def signed_off(self, agent: str, now: datetime, release: bool) -> list[Case]:
        """By themselves, or because they went offline."""
        if self.agents.pop(agent, None) is not None:
            self.left_at[agent] = now
        if release:
            self.released.add(agent)
        self._ends_own_pause(agent)
        return []

    def _ends_own_pause(self, agent: str) -> None:
        if self.paused.get(agent, "") is None:
            del self.paused[agent]

    def _pauses(self, pauses: bool, agent: str, member: str) -> Verdict:
        by = None if member == agent else agent
        if by is not None and not directs(by, member):
            return refused("forbidden")
        if by is None and agent not in self.agents:
            return refused("wrong_status")
        if by is None and not pauses and self.paused.get(agent) is not None:
            return refused("forbidden")

        def effect() -> list[Case]:
            if pauses:
                self.paused[member] = self.paused.get(member) or by
            else:
                self.paused.pop(member, None)
            return []

        return Verdict(outcome="command.accepted", effect=effect)

    def may_be_given(self, agent: str, case: Case) -> bool:
        """Whether people may give them the case by name: they are there, have not paused, and may have it."""
        known = self.agents.get(agent)
        return known is not None and agent not in self.paused and may_have(known, case)

    def is_gone(self, agent: str, now: datetime) -> bool:
        """Whether nothing that awaits the desk is to stay with them: they released it, or have been gone for long."""
        return agent not in self.agents and (
            agent in self.released or self.left_at.get(agent, now) + ABSENT_AFTER <= now
        )
