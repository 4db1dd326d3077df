"""The staff file: what is shipped, that a mistake names its file, line and field, and who may do what by it."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from contracts.staff import Member, SignOn, Staff
from deploy.local.provision import AGENTS
from services.chassis.staff import load_staff
from services.chassis.yaml_file import WrongFile

SHIPPED = Path(__file__).parents[2] / "deploy" / "staff.yaml"
SKILLS = {"billing": "money", "credits": "money", "safety": "safety"}

GOOD = """\
members:
  - agent_id: ada
    display_name: Ada
    sign_on: {iss: "https://id.example", sub: u1}
    roles: [agent, supervisor]
    teams: [money]
    skills: [billing]
    languages: [en, pt]
    capacity: 7
    chat_places: 2
  - agent_id: bo
    roles: [manager, editor]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "staff.yaml"
    path.write_text(text)
    return path


def test_ships_the_agents_of_the_demo() -> None:
    staff = load_staff(SHIPPED)
    assert staff is not None
    assert list(staff.members) == list(AGENTS)
    assert all(
        member.is_agent and member.skills == ("*",) and member.capacity == 100 for member in staff.members.values()
    )
    assert staff.has_role("a1", "supervisor")


def test_reads_every_field(tmp_path: Path) -> None:
    staff = load_staff(written(tmp_path, GOOD))
    assert staff is not None
    assert staff.member("ada") == Member(
        agent_id="ada",
        roles=frozenset({"agent", "supervisor"}),
        teams=frozenset({"money"}),
        display_name="Ada",
        skills=("billing",),
        languages=("en", "pt"),
        capacity=7,
        chat_places=2,
        sign_on=SignOn("https://id.example", "u1"),
    )
    assert staff.member("bo") == Member("bo", frozenset({"manager", "editor"}))
    assert staff.member("cy") is None


def test_without_a_path_nobody_is_named() -> None:
    assert load_staff(None) is None


@pytest.mark.parametrize(
    ("line", "wrong", "sentence"),
    [
        ("  - agent_id: bo", "  - agent_id: ada", "line 11: members.2.agent_id: Another member already has it."),
        ("  - agent_id: bo", "  - agent_id: Bo", "line 11: members.2.agent_id: Must be an agent id"),
        ("display_name: Ada", 'display_name: " "', "line 3: members.1.display_name: Must not be blank."),
        ("display_name: Ada", r'display_name: "\u200b\u3164"', "line 3: members.1.display_name: Must not be blank."),
        ("display_name: Ada", r'display_name: "Ada \ud83d"', "line 3: not YAML (this text has half a character"),
        ("teams: [money]", r'teams: ["\udead"]', "line 6: not YAML (this text has half a character"),
        ("  - agent_id: bo", "  - name: bo", "line 11: members.2.agent_id: Missing data"),
        ("    roles: [manager, editor]", "    roles: [boss]", "line 12: members.2.roles.1: Must be one of: agent"),
        ("    roles: [manager, editor]", "    roles: []", "line 12: members.2.roles: A member must have at least one."),
        (
            "    roles: [manager, editor]",
            "    roles: [supervisor]",
            "members.2.teams: A supervisor must have at least one.",
        ),
        ("    roles: [manager, editor]", "    roles: [agent]", "members.2.skills: An agent must have at least one"),
        ("    roles: [manager, editor]", "    roles: [editor, editor]", "members.2.roles: Listed twice: editor."),
        ("    skills: [billing]", "    skills: [Billing]", "line 7: members.1.skills.1: Must be the id of a category"),
        (
            "    languages: [en, pt]",
            "    languages: [english]",
            "line 8: members.1.languages.1: Must be a language tag",
        ),
        ("    capacity: 7", "    capacity: 0", "line 9: members.1.capacity: Must be a whole number from 1 to 100."),
        ("    capacity: 7", "    capacity: 101", "line 9: members.1.capacity: Must be a whole number from 1 to 100."),
        ("    chat_places: 2", "    chat_places: -1", "members.1.chat_places: Must be a whole number from 0 to 100."),
        ("    capacity: 7", "    capacity: many", "line 9: members.1.capacity: Not a valid integer."),
        ("    chat_places: 2", "    pager: 2", "line 10: members.1.pager: Unknown field."),
        (
            '    sign_on: {iss: "https://id.example", sub: u1}',
            "    sign_on: {sub: u1}",
            "members.1.sign_on.iss: Missing",
        ),
        ("members:", "members: []\nothers:", "line 1: members: Shorter than minimum length 1."),
    ],
)
def test_a_mistake_names_line_and_field(tmp_path: Path, line: str, wrong: str, sentence: str) -> None:
    assert line in GOOD
    path = written(tmp_path, GOOD.replace(line, wrong))
    with pytest.raises(WrongFile, match=re.escape(sentence)) as raised:
        load_staff(path)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there_opens_the_desk_to_nobody(tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match="the staff file cannot be read"):
        load_staff(tmp_path / "none.yaml")


def a_member(id_: str, *roles: str, teams: str = "", skills: str = "", **more: object) -> Member:
    made: dict[str, object] = {"roles": frozenset(roles), "teams": frozenset(teams), "skills": tuple(skills.split())}
    return Member(id_, **{**made, **more})  # type: ignore[arg-type]


STAFF = Staff(
    {
        member.agent_id: member
        for member in (
            a_member("agent-x", "agent", teams="x", skills="billing"),
            a_member("agent-y", "agent", teams="y", skills="safety"),
            a_member("lead-x", "supervisor", teams="x"),
            a_member("lead-xy", "agent", "supervisor", teams="xy", skills="technical"),
            a_member("boss", "manager"),
            a_member("writer", "editor", teams="x", skills="*"),
        )
    }
)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("agent-x", set()),
        ("lead-x", {("agent-x", "safety"), ("agent-x", "money"), ("lead-xy", "safety"), ("lead-xy", "money")}),
        ("writer", set()),
        ("stranger", set()),
        ("boss", set(product(["agent-x", "agent-y", "lead-xy", "stranger", None], ["safety", "money"]))),
    ],
)
def test_who_may_act_on_a_ticket_as_a_supervisor(who: str, may: set[tuple[str | None, str]]) -> None:
    """A member of their teams holds it; or nobody of the staff does and a member of their teams has the skill."""
    if who == "lead-x":
        may = may | {(None, "money"), ("stranger", "money")}  # only agent-x of team x has the skill money
    tried = product(["agent-x", "agent-y", "lead-xy", "stranger", None], ["safety", "money"])
    assert {combination for combination in tried if STAFF.may_supervise(who, *combination, SKILLS)} == may


def test_who_supervises_whom() -> None:
    ids = list(STAFF.members)
    assert [id_ for id_ in ids if STAFF.supervises("lead-x", id_)] == ["agent-x", "lead-x", "lead-xy", "writer"]
    assert [id_ for id_ in ids if STAFF.supervises("boss", id_)] == ids
    assert [id_ for id_ in ids if STAFF.supervises("agent-x", id_)] == []
    assert not STAFF.supervises("lead-x", "stranger")


def test_the_supervisors_of_what_nobody_has() -> None:
    assert STAFF.supervisors_of(None, "money", SKILLS) == ["lead-x", "lead-xy", "boss"]
    assert STAFF.supervisors_of(None, "safety", SKILLS) == ["lead-xy", "boss"]
    assert STAFF.supervisors_of(None, "nobodys", SKILLS) == ["boss"]


def test_the_supervisors_of_a_ticket_are_those_who_may_act_on_it() -> None:
    for holder, skill in product(["agent-x", "lead-xy", "stranger", None], ["safety", "money", "nobodys"]):
        may = [id_ for id_ in STAFF.members if STAFF.may_supervise(id_, holder, skill, SKILLS)]
        assert STAFF.supervisors_of(holder, skill, SKILLS) == may


def test_of_a_large_staff_each_is_looked_at_once_to_find_a_tickets_supervisors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many breaches come at once; checking each pair of five hundred members takes a second for each."""
    members = [a_member(f"m{n}", "agent", "supervisor", teams="x", skills="*") for n in range(50)]
    asked: list[str] = []
    of_member = Member.is_skilled

    def noted(member: Member, *skill: Any) -> bool:
        asked.append(member.agent_id)
        return of_member(member, *skill)

    monkeypatch.setattr(Member, "is_skilled", noted)
    assert len(Staff({member.agent_id: member for member in members}).supervisors_of("gone", "safety", SKILLS)) == 50
    assert len(asked) <= 50


@pytest.mark.parametrize(
    ("has", "said", "left"),
    [
        (["*"], ["billing"], ["billing"]),
        (["billing"], ["*"], ["billing"]),
        (["billing", "safety"], ["safety", "technical"], ["safety"]),
        (["money"], ["credits"], ["credits"]),  # credits asks for money
        (["billing"], ["money"], ["money"]),
        (["billing"], ["safety"], []),
        (["*"], ["*"], ["*"]),
    ],
)
def test_a_sign_on_narrows_skills_and_never_widens_them(has: list[str], said: list[str], left: list[str]) -> None:
    assert list(a_member("a", "agent", skills=" ".join(has)).skills_of(said, SKILLS)) == left


@pytest.mark.parametrize(
    ("has", "said", "left"),
    [
        ((), (), ()),
        (("en",), (), ("en",)),
        ((), ("de",), ("de",)),
        (("pt", "en"), ("pt-BR", "de"), ("pt-BR",)),
        (("pt-BR",), ("PT",), ("pt-BR",)),
        (("en",), ("de",), None),
    ],
)
def test_a_sign_on_narrows_languages_and_never_widens_them(
    has: tuple[str, ...], said: tuple[str, ...], left: tuple[str, ...] | None
) -> None:
    assert a_member("a", "agent", skills="*", languages=has).languages_of(said) == left
