"""What an operator sets for the local stack reaches the services, and what the stack sets itself stays."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from contracts.names import SERVICES
from deploy.local.operators import KINDS, OWN, READ_AT_START, settings_of


def test_every_setting_of_every_service_is_passed_on_but_the_stacks_own() -> None:
    assert set(KINDS) == set(SERVICES)
    for service, kind in KINDS.items():
        names = {f"CASEBUS_{field.name.upper()}" for field in fields(kind) if field.name not in OWN}
        passed = settings_of(dict.fromkeys(names, "7"))[service]
        assert {name: passed.get(name) for name in names} == dict.fromkeys(names, "7")


@pytest.mark.parametrize("name", sorted(OWN))
@pytest.mark.parametrize("suffix", ["", "_FILE", "_PASSWORD", "_ADMIN"])
def test_no_variable_of_the_shell_redirects_the_stack(name: str, suffix: str, tmp_path: Path) -> None:
    """`casebus.env` in a shell, or a setting of a deployment: the mail goes to the mail catcher all the same."""
    found = settings_of({f"CASEBUS_{name.upper()}{suffix}": "elsewhere", "PATH": "/bin"}, tmp_path)
    assert {service: {**given, READ_AT_START: ""} for service, given in found.items()} == {
        service: {READ_AT_START: ""} for service in SERVICES
    }


def test_webhooks_and_templates_in_deploy_are_read_unless_the_environment_names_others(tmp_path: Path) -> None:
    webhooks, templates = tmp_path / "webhooks.yaml", tmp_path / "templates"
    webhooks.write_text("webhooks: []\n", encoding="utf-8")
    templates.mkdir()
    told = settings_of({}, tmp_path)["notifications"]
    assert (told["CASEBUS_WEBHOOKS"], told["CASEBUS_TEMPLATES"]) == (str(webhooks), str(templates))
    told = settings_of({"CASEBUS_WEBHOOKS": "/other.yaml", "CASEBUS_TEMPLATES": ""}, tmp_path)["notifications"]
    assert (told["CASEBUS_WEBHOOKS"], told["CASEBUS_TEMPLATES"]) == ("/other.yaml", "")


def test_the_staff_file_in_deploy_is_read_unless_the_environment_names_another(tmp_path: Path) -> None:
    (tmp_path / "staff.yaml").write_text("members: []\n", encoding="utf-8")
    for given, taken in (({}, str(tmp_path / "staff.yaml")), ({"CASEBUS_STAFF": ""}, "")):
        assert {settings["CASEBUS_STAFF"] for settings in settings_of(given, tmp_path).values()} == {taken}


def test_a_secret_that_the_webhooks_file_takes_from_the_environment_is_passed_on(tmp_path: Path) -> None:
    text = "webhooks:\n- secrets: [{env: CRM_SECRET}, {env: 'OLD_SECRET'}, {file: x}]\n"
    (tmp_path / "webhooks.yaml").write_text(text, encoding="utf-8")
    environment = {"CRM_SECRET": "a", "OLD_SECRET": "b", "OTHER_SECRET": "c"}
    told = settings_of(environment, tmp_path)["notifications"]
    assert {name: told.get(name) for name in environment} == {
        "CRM_SECRET": "a",
        "OLD_SECRET": "b",
        "OTHER_SECRET": None,
    }


def test_notifications_starts_again_when_a_file_that_it_read_has_changed(tmp_path: Path) -> None:
    def read() -> dict[str, dict[str, str]]:
        return settings_of({}, tmp_path)

    (tmp_path / "webhooks.yaml").write_text("webhooks: []\n", encoding="utf-8")
    (tmp_path / "templates" / "en").mkdir(parents=True)
    seen = [read(), read()]
    assert seen[0] == seen[1]
    template = tmp_path / "templates" / "en" / "receipt.j2"
    for file, text in ((template, "A\nB"), (template, "A\nC"), (tmp_path / "webhooks.yaml", "webhooks: [] # none\n")):
        file.write_text(text, encoding="utf-8")
        seen.append(read())
    template.rename(template.with_name("closed.j2"))
    seen.append(read())
    assert len({look["notifications"][READ_AT_START] for look in seen}) == 5
    assert all(look["routing"] == {} for look in seen)
