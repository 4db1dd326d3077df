"""`casebus notifications`: what it accepts, and what it says of anything else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.main import app
from deploy.cli.notifications.failed import Choice
from deploy.trouble import Trouble

AT = datetime(2026, 3, 1, tzinfo=UTC)


def said(*arguments: str) -> str:
    """What it prints, or the Trouble that it raises."""
    result = CliRunner().invoke(app, ["notifications", *arguments], env={"CASEBUS_TEMPLATES": None})
    if isinstance(result.exception, Trouble):
        return str(result.exception)
    assert result.exception is None, result.exception
    return result.output


@pytest.mark.parametrize(
    ("kind", "language", "shows"),
    [("receipt", "en", "00001234"), ("contact_code", "fr", "12345678"), ("breach", "de-AT", "00001234")],
)
def test_a_kind_is_previewed(kind: str, language: str, shows: str) -> None:
    assert shows in said("preview", kind, "--language", language)


def test_an_operators_template_is_previewed(tmp_path: Path) -> None:
    (tmp_path / "nl").mkdir()
    (tmp_path / "nl" / "closed.j2").write_text("Klaar\n{{ number }} is dicht.\n", encoding="utf-8")
    assert said("preview", "closed", "--language", "nl", "--templates", str(tmp_path)) == (
        "Klaar\n\n00001234 is dicht.\n"
    )
    (tmp_path / "nl" / "closed.j2").write_text("Klaar\n{{ nubmer }}\n", encoding="utf-8")
    assert "'nubmer' is undefined" in said("preview", "closed", "--language", "nl", "--templates", str(tmp_path))


@pytest.mark.parametrize(
    ("kind", "headings", "sentences"),
    [
        (
            "closed",
            ["— usually —", "— requester: no —", "— merged_into: 00001200 —"],
            ["We hope that all is well again", "we will go on in case 00001200"],
        ),
        (
            "consent_answered",
            ["— usually —", "— requester: no —", "— granted: no —"],
            ["allows you to log in", "does not allow anybody to log in", "Case 00001234: permission refused"],
        ),
        ("escalated_to_agent", ["— usually —", "— message: no —"], ["Which name do you use?"]),
        ("warning", ["— usually —", "— agent: no —"], ["is due soon", "Nobody has it"]),
    ],
)
def test_a_preview_shows_each_case_that_the_template_distinguishes(
    kind: str, headings: list[str], sentences: list[str]
) -> None:
    shown = said("preview", kind)
    assert [line for line in shown.splitlines() if line.startswith("— ")] == headings
    assert all(sentence in shown for sentence in sentences)


def test_what_an_operators_template_includes_may_distinguish_cases_too(tmp_path: Path) -> None:
    (tmp_path / "nl").mkdir()
    (tmp_path / "nl" / "_naam.j2").write_text("{{ agent or 'niemand' }}", encoding="utf-8")
    (tmp_path / "nl" / "closed.j2").write_text(
        "Klaar\n{% include '_naam.j2' %}{% include '_niet.j2' ignore missing %}\n", encoding="utf-8"
    )
    assert said("preview", "closed", "--language", "nl", "--templates", str(tmp_path)) == (
        "— usually —\nKlaar\n\nGrace\n\n— agent: no —\nKlaar\n\nniemand\n"
    )


def test_a_preview_says_when_people_get_another_language() -> None:
    assert "There is no closed in 'ed': people get it in 'en'." in said("preview", "closed", "--language", "ed")
    assert "people get it in 'de'." in said("preview", "closed", "--language", "de-AT")
    assert "people get it" not in said("preview", "closed", "--language", "DE")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["preview", "recipt"], "'recipt' is not a kind of notification. The kinds are receipt, "),
        (["failed", "--kind", "recipt"], "'recipt' is not a kind of notification"),
        (
            ["failed", "--channel", "pigeon"],
            "'pigeon' is not a channel. The channels are email, channel, agent, webhook.",
        ),
        (["failed", "--since", "soon"], "'soon' is not an age"),
        (["resend"], "Say which ones: give ids, or --all"),
        (["resend", "d1", "--all"], "Say which ones: give ids, or --all"),
        (["resend", "--kind", "receipt"], "Say which ones: give ids, or --all"),
    ],
)
def test_what_is_asked_wrongly_is_said(arguments: list[str], sentence: str) -> None:
    assert sentence in said(*arguments)


@pytest.mark.parametrize(
    ("choice", "condition"),
    [
        (Choice(), {"status": "failed"}),
        (Choice(frozenset({"b", "a"})), {"status": "failed", "_id": {"$in": ["a", "b"]}}),
        (
            Choice(kind="receipt", channel="email", recipient="r1", since=AT),
            {
                "status": "failed",
                "kind": "receipt",
                "channel": "email",
                "recipient": "r1",
                "created_at": {"$gte": AT},
            },
        ),
    ],
)
def test_only_what_failed_is_ever_chosen(choice: Choice, condition: dict[str, object]) -> None:
    assert choice.condition == condition
