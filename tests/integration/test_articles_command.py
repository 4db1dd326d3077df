"""`casebus articles` on a desk that runs: an import is done once, an export has the same bytes, and readers' votes and
searches come to the editor."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.articles import ArticleHelped, ArticleOpened, SearchArticles
from deploy.cli.main import app
from deploy.local.desk import Desk
from deploy.local.stack import Stack
from deploy.settings import SHIPPED_CATALOGUE
from services.client.blocking import Client
from tests.unlimited import UNLIMITED
from tests.waiting import wait

SHIPPED = SHIPPED_CATALOGUE.parent / "articles"
SOME = ("case-statuses", "refunds-and-chargebacks", "staff-danger-cases")

Casebus = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def running(stack: Stack) -> Iterator[Desk]:
    """A desk on which knowledge runs."""
    desk = stack.other_desk("articles")
    desk.prepare()
    desk.settings |= UNLIMITED
    try:
        desk.start_all([("knowledge", 1)])
        yield desk
    finally:
        desk.remove()


@pytest.fixture
def casebus(running: Desk, monkeypatch: pytest.MonkeyPatch) -> Casebus:
    """Calls `casebus articles`: exit code and what it says."""
    for name, value in {
        "CASEBUS_AMQP_OPERATOR": running.amqp_url("operator"),
        "CASEBUS_MONGO": running.operator_mongo_url,
        "CASEBUS_DB_PREFIX": running.db_prefix,
    }.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: object) -> tuple[int, str]:
        found = CliRunner().invoke(app, ["articles", *map(str, arguments)])
        crash = "" if isinstance(found.exception, SystemExit) else found.exception or ""
        # Of what is left out of the folder here, an import tells each link.
        lines = [line for line in found.output.splitlines() if not line.endswith(": there is no such article.")]
        return found.exit_code, " ".join(" ".join([*lines, str(crash)]).split())

    return call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the shipped articles, with their translations, and a picture that goes in two parts."""
    made = tmp_path_factory.mktemp("some") / "articles"
    for path in SHIPPED.rglob("*.md"):
        if path.stem in SOME:
            (made / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, made / path.parent.name)
    picture = made / "files" / "case-statuses" / "list.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(300 * 1024))
    with (made / "en" / "case-statuses.md").open("a", encoding="utf-8") as file:
        file.write("\n![The list of cases](file:list.png)\n")
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_imported_once_and_exported_as_it_was(casebus: Casebus, folder: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    shutil.copytree(folder, wrong)
    with (wrong / "en" / "case-statuses.md").open("a", encoding="utf-8") as file:
        file.write("<b>now</b>\n")
    code, said = casebus("import", wrong)
    assert (code, "HTML is not allowed: <b>" in said, said.endswith("2 mistakes. Nothing was imported.")) == (
        1,
        True,
        True,
    )
    assert casebus("list") == (0, "There are no articles yet.")

    code, said = casebus("import", folder)
    assert code == 0, said
    assert "case-statuses: new (en, de, es, fr, list.png)" in said
    assert said.endswith("3 articles: 3 new, 0 changed, 0 as they are.")
    assert casebus("import", folder) == (0, "3 articles: 0 new, 0 changed, 3 as they are. Nothing was sent.")
    listed = [json.loads(line) for line in casebus("list", "--json")[1].replace("} {", "}\n{").splitlines()]
    assert [(each["id"], each["published"], each["drafts"]) for each in listed] == [
        ("case-statuses", [], ["de", "en", "es", "fr"]),
        ("refunds-and-chargebacks", [], ["de", "en", "es", "fr"]),
        ("staff-danger-cases", [], ["en"]),
    ]

    code, said = casebus("import", folder, "--publish")
    assert (code, said.count("changed (published)")) == (0, 3), said
    assert casebus("import", folder, "--publish")[1].endswith("Nothing was sent.")
    exported = tmp_path / "exported"
    assert casebus("export", exported)[0] == 0
    assert files(exported) == files(folder)


def test_what_differs_is_sent_and_nothing_else(casebus: Casebus, folder: Path, tmp_path: Path) -> None:
    edited = tmp_path / "edited"
    shutil.copytree(folder, edited)
    german = edited / "de" / "case-statuses.md"
    german.write_text(german.read_text(encoding="utf-8").replace("bedeutet", "heißt", 1), encoding="utf-8")
    code, said = casebus("import", edited, "--publish", "--dry-run")
    assert (code, "case-statuses: changed (de, published)" in said, "dry run" in said) == (0, True, True)
    code, said = casebus("import", edited, "--publish")
    assert (code, said) == (
        0,
        "case-statuses: changed (de, published) 3 articles: 0 new, 1 changed, 2 as they are.",
    )
    code, said = casebus("show", "case-statuses", "--language", "de")
    assert code == 0
    assert "Was der Status Ihrer Anfrage heißt" in said
    assert "translated" in said
    assert casebus("import", folder, "--publish")[0] == 0, "as it was"


def test_an_article_is_withdrawn_and_published_again(casebus: Casebus) -> None:
    code, said = casebus("withdraw", "case-statuses", "--language", "fr", "--reason", "Out of date")
    assert (code, said) == (0, "case-statuses: withdrawn. Readers find it in: en, de, es.")
    assert "Out of date" in casebus("show", "case-statuses")[1]
    code, said = casebus("publish", "case-statuses", "gone")
    assert code == 1
    assert said == ("case-statuses: published. Readers find it in: en, de, es, fr. gone: There is no article gone.")


def test_what_readers_say_and_miss_comes_to_the_editor(casebus: Casebus, running: Desk) -> None:
    with Client(running.amqp_url("web")) as channel:
        for session, helped in (("s1", False), ("s2", False), ("s3", True)):
            seen = {"article_id": "refunds-and-chargebacks", "session": session}
            channel.command("article.opened", ArticleOpened(**seen))
            words = None if helped else f"My bank says no ({session})."
            channel.command("article.helped", ArticleHelped(**seen, helped=helped, words=words))
        channel.ask("article.search", SearchArticles(words="Dancing  horses"))

    def heard() -> str:
        return casebus("wanted")[1]

    said = wait(heard, "the search in vain", lambda said: "dancing horses" in said, patience=30)
    assert "refunds-and-chargebacks Refunds, chargebacks and charges that you do not know" in said
    assert "3 views, helped 1, did not help 2" in said
    assert "“My bank says no (s2).”" in said
    assert "0 cases were not filed" in said
    assert casebus("stale") == (0, "Every published article was changed within the last 180 days.")
    assert "refunds-and-chargebacks" in casebus("list", "--audience", "public")[1]
