"""The operator's files that decide about tickets: read together, and refused together."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.operators_files import read_operators_files
from services.chassis.settings import Settings, WrongSettings

CATALOGUE = Path("deploy/catalogue.yaml")


def settings(catalogue: Path, staff: Path | None) -> Settings:
    return Settings(amqp="amqp://u:p@broker:5672/desk", mongo="mongodb://db", catalogue=catalogue, staff=staff)


def test_without_a_staff_file_nobody_is_named() -> None:
    files = read_operators_files(settings(CATALOGUE, None))()
    assert "billing" in files.catalogue.categories
    assert files.staff is None


def test_the_staff_is_read_beside_the_catalogue(tmp_path: Path) -> None:
    staff = tmp_path / "staff.yaml"
    staff.write_text("members:\n- {agent_id: a1, roles: [manager]}\n", encoding="utf-8")
    found = read_operators_files(settings(CATALOGUE, staff))().staff
    assert found is not None
    assert list(found.members) == ["a1"]


@pytest.mark.parametrize("wrong", ["catalogue", "staff"])
def test_a_wrong_file_is_named_with_what_is_wrong_in_it(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / f"{wrong}.yaml"
    file.write_text("members: 7\ncategories: 7\n", encoding="utf-8")
    given = settings(file, None) if wrong == "catalogue" else settings(CATALOGUE, file)
    with pytest.raises(WrongSettings, match=rf"{wrong}\.yaml.*\b(categories|members)\b"):
        read_operators_files(given)
