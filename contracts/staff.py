"""Who works at the desk: roles, teams, skills, capacity. The chassis reads the YAML.

`staff_from` checks the content of the file and returns its values. A sign-on may narrow them and never widens them. The
page is docs/staff.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from contracts.agents import ANY_SKILL
from contracts.fields import ID_PATTERN, seen
from contracts.languages import PATTERN, speaks
from contracts.names import NAME_PATTERN
from contracts.values import dataclass

Role = Literal["agent", "supervisor", "manager", "editor"]

ROLES: tuple[Role, ...] = ("agent", "supervisor", "manager", "editor")
MOST_CAPACITY = 100
_DIRECTING: tuple[Role, ...] = ("supervisor", "manager")


@dataclass(frozen=True, slots=True)
class SignOn:
    """How a member signs on to a web console: issuer and subject of their token, never an address."""

    iss: str
    sub: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff. `skills` are category ids, skills that categories ask for, or "*".

    Empty `languages`: every language. `display_name` None: the name given at sign-on.
    """

    agent_id: str
    roles: frozenset[Role]
    teams: frozenset[str] = frozenset()
    display_name: str | None = None
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    capacity: int = MOST_CAPACITY
    chat_places: int = 0
    sign_on: SignOn | None = None

    @property
    def is_agent(self) -> bool:
        """Whether they may get tickets."""
        return "agent" in self.roles

    def is_skilled(self, skill: str, skills: Mapping[str, str]) -> bool:
        """Whether they have the skill. `skills` maps each category to the skill that it asks for."""
        return ANY_SKILL in self.skills or any(skills.get(listed, listed) == skill for listed in self.skills)

    def skills_of(self, said: Sequence[str], skills: Mapping[str, str]) -> tuple[str, ...]:
        """Which of these skills (as a sign-on lists them) they have. `skills` as in `is_skilled`."""
        if ANY_SKILL in said:
            return self.skills
        if ANY_SKILL in self.skills:
            return tuple(said)
        return tuple(offered for offered in said if self.is_skilled(skills.get(offered, offered), skills))

    def languages_of(self, said: Sequence[str]) -> tuple[str, ...] | None:
        """Which of the languages in a sign-on they speak (empty: every language); None: not one of them."""
        if not said or not self.languages:
            return tuple(said or self.languages)
        both = [language for language in said if speaks(self.languages, language)]
        both += [language for language in self.languages if language not in both and speaks(said, language)]
        return tuple(both) or None


@dataclass(frozen=True, slots=True)
class Staff:
    """The members of staff by agent id, in the file's order."""

    members: Mapping[str, Member]

    def member(self, agent_id: str) -> Member | None:
        """The member with that id, or None."""
        return self.members.get(agent_id)

    def has_role(self, agent_id: str, *roles: Role) -> bool:
        """Whether they are a member who has one of these roles."""
        member = self.members.get(agent_id)
        return member is not None and not member.roles.isdisjoint(roles)

    def supervises(self, agent_id: str, other_id: str) -> bool:
        """Whether that member may direct the other: a manager may direct everyone, a supervisor the members of their
        teams."""
        other = self.members.get(other_id)
        return other is not None and self._directs(agent_id, other.teams)

    def may_supervise(self, agent_id: str, holder: str | None, skill: str, skills: Mapping[str, str]) -> bool:
        """Whether that member may act on a ticket as a supervisor (docs/rules.md, "Staff").

        Either a member of their teams holds it, or nobody does and a member of their teams has the skill for its
        category. A holder who is not a member counts as nobody: otherwise nobody could move that ticket. `skills` maps
        each category to the skill that it asks for.
        """
        return self.has_role(agent_id, *_DIRECTING) and self._directs(agent_id, self._teams_of(holder, skill, skills))

    def supervisors_of(self, holder: str | None, skill: str, skills: Mapping[str, str]) -> list[str]:
        """The members who may act on such a ticket as supervisors, by `may_supervise`, in the file's order."""
        teams = self._teams_of(holder, skill, skills)
        return [id_ for id_ in self.members if self._directs(id_, teams)]

    def _directs(self, agent_id: str, teams: frozenset[str]) -> bool:
        """Whether that member directs one of these teams: a manager directs all, a supervisor their own."""
        member = self.members.get(agent_id)
        if member is None:
            return False
        return "manager" in member.roles or ("supervisor" in member.roles and not member.teams.isdisjoint(teams))

    def _teams_of(self, holder: str | None, skill: str, skills: Mapping[str, str]) -> frozenset[str]:
        """The teams of the ticket: its holder's, otherwise those of everybody who could have it."""
        if holder is not None and holder in self.members:
            return self.members[holder].teams
        able = (member for member in self.members.values() if member.is_agent and member.is_skilled(skill, skills))
        return frozenset().union(*(member.teams for member in able))


def staff_from(data: Any) -> Staff:
    """The staff in the decoded content of a staff file.

    Raises marshmallow's ValidationError, with messages nested as the file is: by key, and by place in a list.
    """
    loaded = _StaffSchema().load(data)["members"]
    faults: dict[int, Any] = {}
    for name in ("agent_id", "sign_on"):
        values = [entry.get(name) for entry in loaded]
        for place, value in enumerate(values):
            if value is not None and value in values[:place]:
                faults[place] = {name: ["Another member already has it."]}
    if faults:
        raise ValidationError({"members": faults})
    return Staff({each["agent_id"]: _member(each) for each in loaded})


def _member(loaded: Mapping[str, Any]) -> Member:
    sign_on = loaded.get("sign_on")
    return Member(
        agent_id=loaded["agent_id"],
        roles=frozenset(loaded["roles"]),
        teams=frozenset(loaded["teams"]),
        display_name=loaded.get("display_name"),
        skills=tuple(loaded["skills"]),
        languages=tuple(loaded["languages"]),
        capacity=loaded["capacity"],
        chat_places=loaded["chat_places"],
        sign_on=None if sign_on is None else SignOn(**sign_on),
    )


def _unique(values: Iterable[str]) -> None:
    twice = sorted(value for value, times in Counter(values).items() if times > 1)
    if twice:
        raise ValidationError(f"Listed twice: {', '.join(twice)}.")


def _pattern(pattern: str, problem: str) -> validate.Regexp:
    return validate.Regexp(f"(?:{pattern})\\Z", error=problem)


_AN_ID = _pattern(ID_PATTERN, "Must be an id of up to 64 lower-case letters, digits, - and _.")
_A_NAME = _pattern(NAME_PATTERN, "Must be an agent id of up to 32 lower-case letters, digits and hyphens.")
_A_SKILL = _pattern(f"{ID_PATTERN}|\\*", 'Must be the id of a category, a skill, or "*".')
_A_LANGUAGE = _pattern(PATTERN, "Must be a language tag such as en or pt-BR.")


def _list(of: fields.Field[Any], most: int, **more: Any) -> fields.List[Any]:
    return fields.List(of, validate=[validate.Length(0, most), _unique], **(more or {"load_default": list}))


def _whole(least: int, most: int, default: int) -> fields.Integer:
    problem = f"Must be a whole number from {least} to {most}."
    return fields.Integer(strict=True, load_default=default, validate=validate.Range(least, most, error=problem))


class _Strict(Schema):
    class Meta:
        unknown = RAISE


class _SignOn(_Strict):
    iss = fields.String(required=True, validate=validate.Length(1, 200))
    sub = fields.String(required=True, validate=validate.Length(1, 200))


class _Member(_Strict):
    agent_id = fields.String(required=True, validate=_A_NAME)
    display_name = fields.String(validate=[validate.Length(1, 100), seen])
    roles = _list(fields.String(validate=validate.OneOf(ROLES)), len(ROLES), required=True)
    teams = _list(fields.String(validate=_AN_ID), 50)
    skills = _list(fields.String(validate=_A_SKILL), 100)
    languages = _list(fields.String(validate=_A_LANGUAGE), 50)
    capacity = _whole(1, MOST_CAPACITY, MOST_CAPACITY)
    chat_places = _whole(0, MOST_CAPACITY, 0)
    sign_on = fields.Nested(_SignOn)

    @validates_schema
    def _fits_the_roles(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data["roles"]:
            raise ValidationError("A member must have at least one.", "roles")
        if "agent" in data["roles"] and not data["skills"]:
            raise ValidationError('An agent must have at least one; "*" means every category.', "skills")
        if "supervisor" in data["roles"] and not data["teams"]:
            raise ValidationError("A supervisor must have at least one.", "teams")


class _StaffSchema(_Strict):
    members = fields.List(fields.Nested(_Member), required=True, validate=validate.Length(1))
