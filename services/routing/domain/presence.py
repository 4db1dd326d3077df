"""Agents who come and go: signing on and off, heartbeats, and what happens when heartbeats are missing.

Every agent who is signed on has one timer: `timer.away` watches for their heartbeats, and `timer.offline` watches
agents who are away. A heartbeat sets no timer; a timer that finds a heartbeat sets itself again from there. The page is
docs/routing.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from contracts.agents import ANY_SKILL, SignedOff, SignedOn, SignOff, SignOn
from contracts.agents import Agent as OfAgent
from contracts.names import AGENT_PREFIX, EVENTS
from contracts.outcomes import Accepted
from contracts.staff import Member, Staff
from contracts.statuses import DESKS_TURN
from services.chassis.decision import Answer, Arm, Decision, Disarm, Message, Say, Timer, rejected
from services.routing.domain.needs import AgentOf, AwaitingOf, Need
from services.routing.domain.pausing import without_own_pause
from services.routing.domain.saying import unassign
from services.routing.domain.state import Agent, Terms, View

STOOD_STILL = timedelta(seconds=5)
"""A timer fires this late only if no routing ran, and then nobody could hear a heartbeat either."""


class AwayTimer(Timer):
    """Watches for the heartbeats of an agent who is signed on."""

    kind = "away"


class OfflineTimer(Timer):
    """Watches for the heartbeats of an agent who is away."""

    kind = "offline"


def sender_needed(message: Message[SignOn | OfAgent]) -> list[Need]:
    """Who signs on or is alive."""
    return [AgentOf(message.data.agent_id)]


def sign_off_needed(message: Message[SignOff]) -> list[Need]:
    """Who signs off, and what they have."""
    return [AgentOf(message.data.agent_id), AwaitingOf(message.data.agent_id)]


def signing_on(view: View, message: Message[SignOn], now: datetime) -> Agent:
    """Who signs on, as they will be."""
    return signed_on(view.agents.get(message.data.agent_id), message.data, view.skills, view.staff, now)


def coming_back(view: View, message: Message[OfAgent], now: datetime) -> Agent | None:
    """Who was away, as they will be; None if the agent was not away."""
    agent = view.agents.get(message.data.agent_id)
    return seen(agent, now) if agent is not None and agent.away else None


def signed_on(
    known: Agent | None, data: SignOn, skills: Mapping[str, str], staff: Staff | None, now: datetime
) -> Agent:
    """The agent as `agent.sign_on` makes them, within what the staff file allows. `skills` maps categories to the
    skills that they ask for.

    Signing on again replaces what was said before and keeps load and idle time. It is a sign of life.
    """
    before = known or Agent(data.agent_id, data.display_name)
    after = replace(
        without_own_pause(seen(before, now)),
        left_at=None,
        listed=tuple(data.skills),
        said_languages=tuple(data.languages),
        said_capacity=data.capacity,
        said_name=data.display_name,
        tiers=tuple(data.tiers),
        signed_on=True,
        releases=False,
        watched=True,
        idle_since=before.idle_since if before.signed_on else now,
    )
    return following(after, skills, staff)


def following(agent: Agent, asked: Mapping[str, str], staff: Staff | None = None) -> Agent:
    """The agent as what they said at sign-on makes them now: the catalogue may ask for other skills in the categories
    that they listed, and the staff file may allow them less or more. `asked`: what each category asks for. Returns the
    same object if nothing changes."""
    listed, languages = agent.listed or agent.skills, agent.said_languages
    if agent.said_capacity is None:
        languages = agent.languages
    capacity, name = agent.said_capacity or agent.capacity, agent.said_name or agent.display_name
    member = None if staff is None else staff.member(agent.id)
    if member is not None:
        listed, languages = allowed(member, listed, languages, asked)
        capacity, name = min(capacity, member.capacity), member.display_name or name
    skills = _asked_for(listed, asked) if agent.listed or member is not None else agent.skills
    # Every turn looks at every agent, and nearly always nothing is new: a copy would cost most of it.
    if (name, capacity, skills, languages) == (agent.display_name, agent.capacity, agent.skills, agent.languages):
        return agent
    return replace(agent, display_name=name, capacity=capacity, skills=skills, languages=languages)


def allowed(
    member: Member, listed: tuple[str, ...], languages: tuple[str, ...], skills: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which of these skills and languages the member has. Without a language in common they have no skill, because an
    empty list of languages stands for every language."""
    spoken = member.languages_of(languages)
    return ((), languages) if spoken is None else (member.skills_of(listed, skills), spoken)


def _asked_for(listed: Iterable[str], skills: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted({skills.get(listed_skill, listed_skill) for listed_skill in listed}))


def seen(agent: Agent, now: datetime) -> Agent:
    """The agent after a sign of life: an agent who was away is back."""
    return replace(agent, last_seen=now, away=False)


def away_needed(timer: Message[AwayTimer]) -> list[Need]:
    """The agent whose heartbeats it watches for."""
    return [AgentOf(timer.subject or "")]


def offline_needed(timer: Message[OfflineTimer]) -> list[Need]:
    """The agent who was away, and what they have."""
    return [AgentOf(timer.subject or ""), AwaitingOf(timer.subject or "")]


def away_due(view: View, timer: Message[AwayTimer], now: datetime) -> Decision:
    """`timer.away`: an agent who was not heard of in time is away."""
    agent = view.agents.get(timer.subject or "")
    if agent is None or not agent.signed_on:
        return Decision()
    if _stood_still(timer.data, now):
        return Decision(timers=[_watch(AwayTimer, agent, now + view.terms.away_after)])
    heard = agent.last_seen or timer.data.due
    if heard + view.terms.away_after > now:
        return Decision(timers=[_watch(AwayTimer, agent, heard + view.terms.away_after)])
    gone_at = max(now, heard + view.terms.offline_after)
    return Decision(changes=[replace(agent, away=True)], timers=[_watch(OfflineTimer, agent, gone_at)])


def offline_due(view: View, timer: Message[OfflineTimer], now: datetime) -> Decision:
    """`timer.offline`: an agent who was away and was not heard of since is offline."""
    agent = view.agents.get(timer.subject or "")
    if agent is None or not agent.signed_on:
        return Decision()
    if _stood_still(timer.data, now):
        return Decision(timers=[_watch(OfflineTimer, agent, now + view.terms.away_after)])
    if not agent.away:
        return Decision()  # a heartbeat of this very turn has set the timer again
    heard = agent.last_seen or timer.data.due
    if heard + view.terms.offline_after > now:
        return Decision(timers=[_watch(OfflineTimer, agent, heard + view.terms.offline_after)])
    return Decision(
        changes=[_gone(agent, now, releases=True)],
        said=[
            _event("agent.signed_off", SignedOff(agent_id=agent.id, release=True, reason="offline", at=now)),
            *_take_back(view, agent, "the agent went offline"),
        ],
    )


def _stood_still(timer: Timer, now: datetime) -> bool:
    return now - timer.due > STOOD_STILL


def follow_files(view: View, agents: Iterable[Agent], now: datetime) -> tuple[list[Agent], list[Say]]:
    """The agents among these whom a changed catalogue or staff file changes, and what is announced of those signed on.
    It takes nobody's tickets."""
    changed = [after for agent in agents if (after := following(agent, view.skills, view.staff)) is not agent]
    # Other services know the catalogue themselves; and an event has at least one skill.
    told = [agent for agent in changed if view.staff is not None and agent.signed_on and agent.listed and agent.skills]
    return changed, [_announced(view, agent, now) for agent in told]


def leaving(view: View, now: datetime) -> tuple[str, ...]:
    """The known agents who must be signed off, or have been gone for long, without a message saying so. `leave` needs
    their tickets that await the desk."""
    gone = (agent for agent in view.agents.values() if must_leave(agent, view.staff, view.terms, now) is not None)
    return tuple(sorted(agent.id for agent in gone))


def leave(view: View, now: datetime) -> Decision:
    """The agents of `view.leaving` who have to go: they are signed off, and what awaits the desk is taken back."""
    changes, said, timers = list[Agent](), list[Say](), list[Arm | Disarm]()
    for agent_id in view.leaving:
        agent = view.agents[agent_id]
        reason = must_leave(agent, view.staff, view.terms, now)
        if reason is None:
            continue
        changes.append(_gone(agent, now, releases=True))
        if agent.signed_on:
            told = SignedOff(agent_id=agent.id, release=True, reason="not_of_staff", at=now)
            said.append(_event("agent.signed_off", told))
            timers.append(Disarm(_timer(agent)))
        said += _take_back(view, agent, reason)
    return Decision(changes=changes, said=said, timers=timers)


def must_leave(agent: Agent, staff: Staff | None, terms: Terms, now: datetime) -> str | None:
    """Why nothing that awaits the desk may stay with the agent, although they did not say so; None if it may.

    Somebody who is not, or no longer, an agent on the staff keeps nothing; an agent who has signed off keeps it for as
    long as the operator sets.
    """
    if agent.releases and not agent.signed_on:
        return None
    if staff is not None and not staff.has_role(agent.id, "agent"):
        return "the agent is not of the staff any more"
    if not agent.signed_on and terms.absent_after is not None:
        left_at = agent.left_at or now - terms.absent_after
        return "the agent has been gone for long" if left_at + terms.absent_after <= now else None
    return None


def watch_all(known: Iterable[Agent], terms: Terms, now: datetime) -> tuple[list[Agent], list[Arm]]:
    """Agents who signed on before there were timers for heartbeats, and their timers, which begin now."""
    agents = [agent for agent in known if agent.signed_on and not agent.watched]
    return (
        [replace(agent, watched=True, last_seen=now) for agent in agents],
        [_watch(AwayTimer, agent, now + terms.away_after) for agent in agents],
    )


def _watch(kind: type[AwayTimer | OfflineTimer], agent: Agent, due: datetime) -> Arm:
    return Arm(_timer(agent), kind(due=due), agent.id)


def _timer(agent: Agent) -> str:
    return f"presence:{agent.id}"


def sign_on(view: View, message: Message[SignOn], now: datetime) -> Decision:
    """Signs the agent on, whatever skills they list: the catalogue may have lost one, and may get it back. A skill that
    no category asks for is kept, and named in the answer. If there is a staff file, it has to allow at least one."""
    refused = _not_their_own(message) or _not_allowed(view, message)
    if refused is not None:
        return Decision(answer=refused)
    agent = signing_on(view, message, now)
    return Decision(
        changes=[agent],
        said=[_announced(view, agent, now)],
        answer=Answer("command.accepted", Accepted(hints=_hints(view, agent, message.data.skills)), agent.id),
        timers=[_watch(AwayTimer, agent, now + view.terms.away_after)],
    )


def _not_allowed(view: View, message: Message[SignOn]) -> Answer | None:
    """Why the staff file allows nothing of what a sign-on says."""
    agent_id = message.data.agent_id
    if view.staff is None:
        return None
    member = view.staff.member(agent_id)
    if member is None or not member.is_agent:
        return rejected("forbidden", f"Agent {agent_id} is not an agent of this desk.")
    if member.languages_of(message.data.languages) is None:
        errors = {"languages": [f"{agent_id} speaks {', '.join(member.languages)}."]}
        return rejected("invalid", "The staff file gives this agent none of these languages.", errors)
    if not member.skills_of(message.data.skills, view.skills):
        errors = {"skills": [f"{agent_id} has {', '.join(member.skills)}."]}
        return rejected("invalid", "The staff file gives this agent none of these skills.", errors)
    return None


def _announced(view: View, agent: Agent, now: datetime) -> Say:
    """`agent.signed_on`, with what holds: skills as they listed them, within what the staff file allows."""
    listed = agent.listed
    member = None if view.staff is None else view.staff.member(agent.id)
    if member is not None:
        listed, _ = allowed(member, listed, agent.said_languages, view.skills)
    told = SignedOn(
        agent_id=agent.id,
        display_name=agent.display_name,
        capacity=agent.capacity,
        skills=listed,
        languages=agent.languages,
        tiers=agent.tiers,
        at=now,
        paused=agent.paused,
    )
    return _event("agent.signed_on", told)


def _hints(view: View, agent: Agent, skills: Iterable[str]) -> dict[str, list[str]] | None:
    """What the agent hears of skills that no category of the catalogue asks for, and of a supervisor's pause; None if
    there is nothing to say."""
    hints: dict[str, list[str]] = {}
    known = {ANY_SKILL, *view.skills, *view.skills.values()}
    listed = set(skills)
    unknown = sorted(listed - known)
    if unknown:
        hints["skills"] = [f"No category of the catalogue asks for: {', '.join(unknown)}."]
        if not listed & known:
            sentence = "No category of the catalogue asks for any of your skills, so you will get no cases."
            hints["skills"].append(sentence)
    if agent.paused:
        hints["agent_id"] = [
            f"{agent.paused_by} has paused you: you get nothing new until a supervisor lets you go on."
        ]
    return hints or None


def heartbeat(view: View, message: Message[OfAgent], now: datetime) -> Decision:
    """A sign of life. It is not remembered."""
    agent_id = message.data.agent_id
    refused = _not_their_own(message)
    if refused is not None:
        return Decision(answer=refused)
    agent = view.agents.get(agent_id)
    if agent is None or not agent.signed_on:
        return Decision(answer=rejected("wrong_status", f"Agent {agent_id} is not signed on."), remember=False)
    # An agent who is away has a timer that is minutes off.
    timers = [_watch(AwayTimer, agent, now + view.terms.away_after)] if agent.away else []
    return Decision(changes=[seen(agent, now)], answer=_accepted(agent_id), timers=timers, remember=False)


def sign_off(view: View, message: Message[SignOff], now: datetime) -> Decision:
    """The agent keeps their tickets; with `release`, those that await the desk are taken back and routed again."""
    refused = _not_their_own(message)
    if refused is not None:
        return Decision(answer=refused)
    agent = view.agents.get(message.data.agent_id)
    if agent is None or not agent.was_here:
        return Decision(answer=rejected("wrong_status", f"Agent {message.data.agent_id} has never signed on."))
    release = message.data.release
    told = SignedOff(agent_id=agent.id, release=release, at=now)
    said = [_event("agent.signed_off", told)] if agent.signed_on else []
    if release:
        said += _take_back(view, agent, "the agent signed off")
    after = _gone(agent, now, releases=agent.releases or release)
    return Decision(
        changes=[after] if after != agent else [],
        said=said,
        answer=_accepted(agent.id),
        timers=[Disarm(_timer(agent))] if agent.signed_on else [],
    )


def _not_their_own(message: Message[SignOn | OfAgent | SignOff]) -> Answer | None:
    """Why somebody else may not say this of the agent."""
    if message.sender == AGENT_PREFIX + message.data.agent_id:
        return None
    return rejected("forbidden", "An agent may sign on, send heartbeats and sign off only for themselves.")


def _gone(agent: Agent, now: datetime, releases: bool) -> Agent:
    left_at = now if agent.signed_on else agent.left_at
    gone = replace(agent, signed_on=False, away=False, watched=False, releases=releases, left_at=left_at)
    return without_own_pause(gone)


def _take_back(view: View, agent: Agent, reason: str) -> list[Say]:
    theirs = [ticket for ticket in view.tickets.values() if ticket.agent == agent.id and ticket.status in DESKS_TURN]
    return [unassign(ticket, reason) for ticket in sorted(theirs, key=lambda ticket: ticket.number)]


def _event(type_: str, data: SignedOn | SignedOff) -> Say:
    return Say(EVENTS, type_, type_, data, data.agent_id)


def _accepted(agent_id: str) -> Answer:
    return Answer("command.accepted", Accepted(), agent_id)
