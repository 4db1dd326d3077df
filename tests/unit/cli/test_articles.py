"""`casebus articles`: what it accepts and plans, which articles it puts first, and how they look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType
from typer.testing import CliRunner

from deploy.cli.articles import showing
from deploy.cli.articles.comparing import Held
from deploy.cli.articles.folder import Article as InFolder
from deploy.cli.articles.folder import Text
from deploy.cli.articles.importing import Import, faults, loose
from deploy.cli.articles.ranking import stale, unhelped, unhelpful
from deploy.cli.articles.reading import Figures, InVain, Listed, as_held
from deploy.cli.main import app
from deploy.trouble import Trouble
from services.knowledge.domain.values.article import Article, Version
from services.knowledge.domain.values.article import Text as Written

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def said(*arguments: str) -> str:
    """What it prints, with what it says of an error."""
    result = CliRunner().invoke(
        app, ["articles", *arguments], env={"CASEBUS_CATALOGUE": None, "CASEBUS_KNOWLEDGE": None}
    )
    if isinstance(result.exception, Trouble):
        return f"{result.output}{result.exception}"
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.output


def an_article(id_: str = "refunds", **more: object) -> Article:
    article = Article(id_, 3, "billing", "public", "en", AT, live={"en": 1}, first={"en": AT})
    return replace(article, **more)  # type: ignore[arg-type]


def a_row(id_: str = "refunds", figures: Figures | None = None, **more: object) -> Listed:
    return Listed(an_article(id_, **more), f"About {id_}", figures or Figures())


def printed(shown: RenderableType, width: int = 140) -> str:
    console = Console(file=StringIO(), width=width, highlight=False, color_system=None)
    console.print(shown)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_what_is_no_folder_of_articles_is_said_before_the_desk_is_asked(tmp_path: Path) -> None:
    assert said("import", str(tmp_path / "gone")) == f"{tmp_path / 'gone'}: No such file or directory."
    assert said("import", str(tmp_path)) == f"{tmp_path}: there are no articles in it (<language>/<id>.md)."


FAULTS = [
    ("nothing", "Select **Log in**.\n\n- [here](article:log-in)\n", [], []),
    ("HTML", "one\n\n<b>two</b>\n", [], [(3, "HTML is not allowed: <b>"), (3, "HTML is not allowed: </b>")]),
    ("a title", "# Log in\n", [], [(1, "A heading of the first level is the title's: write ## here.")]),
    ("a picture that is there", "![x](file:x.png)", ["x.png"], []),
    (
        "a picture that is not there",
        "one\n\n![x](file:x.png)",
        ["y.png"],
        [(3, "It shows x.png, and the article has no such file (files/<id>/).")],
    ),
]


@pytest.mark.parametrize(("body", "files", "found"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_faults_of_markdown_are_those_of_knowledge_each_with_its_line(
    body: str, files: list[str], found: list[tuple[int, str]]
) -> None:
    assert list(faults(body, files)) == found


def in_folder(id_: str, body: str = "Read on.") -> InFolder:
    return InFolder(id_, "billing", "public", "en", {"en": Text(id_.title(), body)})


def test_an_import_is_planned_whole_before_anything_is_sent() -> None:
    same, changed = in_folder("same"), in_folder("changed")
    german = replace(in_folder("german"), language="de", texts={"de": Text("Deutsch", "Lies.")})
    stands = {
        "same": Held(same, 2),
        "changed": Held(replace(changed, texts={"en": Text("Changed", "Before.")}), 4),
        "german": Held(in_folder("german"), 1),
    }
    planned = Import.of([changed, german, in_folder("new"), same], stands, publish=False)
    assert [(change.id, change.version, change.line) for change in planned.changes] == [
        ("changed", 4, "changed: changed (en)"),
        ("new", None, "new: new (en)"),
    ]
    assert [mistake.sentence for mistake in planned.mistakes] == [
        "de/german.md, line 1: On the desk, the article's own language is en; the folder says de."
    ]
    assert (planned.count, planned.same, len(planned.new)) == (3, 1, 1)


def test_a_link_to_no_article_is_told() -> None:
    articles = [in_folder("a", "See [b](article:b), [c](article:c) and [d](article:d).")]
    assert list(loose(articles, {"a", "b", "d"})) == ["en/a.md links to c: there is no such article."]


@pytest.mark.parametrize(
    ("more", "less"),
    [
        (Figures(100), Figures(10)),
        (Figures(100, helped=1, not_helped=9), Figures(100, helped=9, not_helped=1)),
        (Figures(100), Figures(100, helped=1)),
        (Figures(100, not_helped=1), Figures(100)),
        (Figures(1_000, helped=5, not_helped=5), Figures(100, not_helped=10)),
        (Figures(1), Figures()),
    ],
)
def test_an_article_that_is_read_much_and_helps_little_comes_first(more: Figures, less: Figures) -> None:
    assert unhelped(more) > unhelped(less)


def test_stale_are_those_that_are_published_and_were_not_changed_for_so_long() -> None:
    rows = [
        a_row("much-read", Figures(50), changed_at=AT - 200 * DAY),
        a_row("little-read", Figures(2), changed_at=AT - 300 * DAY),
        a_row("on-the-day", changed_at=AT - 180 * DAY),
        a_row("fresh", Figures(500), changed_at=AT - 179 * DAY),
        a_row("withdrawn", Figures(500), changed_at=AT - 300 * DAY, live={}),
    ]
    assert [row.article.id for row in stale(rows, AT - 180 * DAY)] == ["much-read", "little-read", "on-the-day"]


def test_unhelpful_are_those_of_which_somebody_says_so() -> None:
    rows = [a_row("a", Figures(5, not_helped=1)), a_row("b", Figures(500, helped=3)), a_row("c", Figures(9, 0, 2))]
    assert [row.article.id for row in unhelpful(rows)] == ["c", "a"]


def test_a_row_says_what_an_article_is_and_how_it_was_read() -> None:
    row = a_row(figures=Figures(1_200, 9, 3), drafts={"de": 2}, audience="internal")
    line = printed(showing.table([row])).splitlines()[1]
    assert " ".join(line.split()) == (
        "refunds billing staff published draft en de 2026-03-02 1,200 75% of 12 About refunds"
    )


def test_a_title_cannot_control_the_terminal() -> None:
    row = replace(a_row(), title="a\x1b[2Jb\u202ec")
    assert "\x1b" not in printed(showing.table([row]))
    told = showing.unhelpful(replace(row, figures=Figures(1, 0, 1, ((False, "no\x1b[2J"), (True, "thanks")))))
    assert [line.plain for line in told] == [
        "refunds  a [2Jb c",
        "  1 view, helped 0, did not help 1",
        "  “no [2J”",
    ]


def test_the_head_of_an_article_says_where_readers_find_it() -> None:
    lines = [line.plain for line in showing.head(an_article(drafts={"de": 2}, related=("land",)), Figures(3, 1, 1))]
    assert lines[0].startswith("refunds  version 3, changed 2026-03-02 ")
    assert lines[0].endswith(" by the operator")
    assert lines[1:] == [
        "category billing, for everybody",
        "published in en, drafts in de",
        "last 30 days: 3 views, helped 1, did not help 1",
        "related: land",
    ]


@pytest.mark.parametrize(("number", "said"), [(0, "0 files"), (1, "1 file"), (1200, "1,200 files")])
def test_things_are_counted_in_singular_and_plural(number: int, said: str) -> None:
    assert showing.counted(number, "file") == said


def test_changes_say_who_did_what() -> None:
    versions = [
        Version("refunds", 3, "withdrawn", AT, "a9", "Nora", "en", reason="Out of date"),
        Version("refunds", 2, "restored", AT, language="en", restores=1, title="Refunds"),
    ]
    rows = [line.split() for line in printed(showing.changes(versions)).splitlines()[1:]]
    assert [row[0] for row in rows] == ["3", "2"]
    assert rows[0][3:] == ["withdrawn", "en", "Nora", "Out", "of", "date"]
    assert rows[1][3:] == ["restored", "en", "the", "operator", "version", "1"]


def test_searches_in_vain_are_shown_with_their_words() -> None:
    lines = printed(
        showing.vain([InVain("dancing horses", "", 12, "2026-03-01"), InVain("pferd", "de", 1, "2026-02-01")])
    )
    assert [line.split() for line in lines.splitlines()[1:]] == [
        ["12", "–", "2026-03-01", "dancing", "horses"],
        ["1", "de", "2026-02-01", "pferd"],
    ]


def test_for_programs_an_article_has_all_its_facts() -> None:
    row = a_row(figures=Figures(3, 1, 2, ((False, "no"), (True, "yes"))), drafts={"de": 2}, changed_by="a9")
    assert showing.as_json(row) == {
        "id": "refunds",
        "title": "About refunds",
        "version": 3,
        "category": "billing",
        "audience": "public",
        "language": "en",
        "published": ["en"],
        "drafts": ["de"],
        "changed_at": "2026-03-02T09:00:00Z",
        "changed_by": "a9",
        "viewed": 3,
        "helped": 1,
        "not_helped": 2,
        "words": ["no"],
    }


def test_a_text_that_a_form_of_the_web_sent_is_as_its_export_says() -> None:
    article = an_article(live={"en": 1}, drafts={})
    text = Written("Refunds", "One\r\ntwo\r\n\r\n- three\r\n")
    held = as_held(article, {("refunds", 1): Version("refunds", 1, "saved", AT, language="en", text=text)})
    assert held.article.texts["en"].body == "One\ntwo\n\n- three\n"
