"""How articles look on a terminal, and as JSON. The page is docs/knowledge.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.table import Table
from rich.text import Text

from contracts.envelope import rfc3339
from services.knowledge.domain.values.article import Article, Version

from .. import show
from .reading import Figures, InVain, Listed


def unhelpful(row: Listed) -> list[Text]:
    """An article that did not help, with what people said."""
    read = row.figures
    said = [Text(f"  “{show.plain(words)}”") for helped, words in read.words if not helped]
    return [Text(f"{row.article.id}  {show.plain(row.title)}"), Text(f"  {_read(read)}", "dim"), *said]


def vain(rows: Iterable[InVain]) -> Table:
    """Searches that found nothing."""
    table = Table("times", "language", "last", box=None, pad_edge=False, expand=True)
    table.columns[0].justify = "right"
    table.add_column("words", ratio=1)
    for row in rows:
        table.add_row(f"{row.count:,}", Text(show.plain(row.language or "–")), row.last, Text(show.plain(row.words)))
    return table


def table(rows: Iterable[Listed]) -> Table:
    """Articles, one per row; the title gets the remaining width. On a narrow terminal ids stay whole: other commands
    take them."""
    table = Table("id", "category", "for", "state", "languages", "changed", "views", "helped", box=None, pad_edge=False)
    table.expand = True
    table.add_column("title", ratio=1)
    for column in table.columns:
        column.no_wrap = True
    for place in (6, 7):
        table.columns[place].justify = "right"
    for row in rows:
        article, read = row.article, row.figures
        table.columns[0].min_width = max(table.columns[0].min_width or 0, len(article.id))
        votes = read.helped + read.not_helped
        table.add_row(
            Text(article.id),
            Text(show.plain(article.category)),
            Text("everybody" if article.audience == "public" else "staff"),
            _state(article),
            Text(" ".join(_languages(article))),
            show.moment(article.changed_at)[:10],
            f"{read.viewed:,}",
            f"{read.helped / votes:.0%} of {votes:,}" if votes else "–",
            Text(show.plain(row.title)),
        )
    return table


def _state(article: Article) -> Text:
    colours = {"draft": "yellow", "published": "green", "withdrawn": "dim"}
    return Text(" ").join([Text(state, colours[state]) for state in reversed(article.states)])


def _languages(article: Article) -> list[str]:
    """Its own first."""
    known = {*article.drafts, *article.live}
    return sorted(known, key=lambda language: (language != article.language, language))


def head(article: Article, figures: Figures) -> list[Text]:
    """What stands above an article's text."""
    drafts = ", ".join(sorted(article.drafts))
    who = show.plain(article.changed_name or article.changed_by or "the operator")
    lines = [
        f"{article.id}  version {article.version:,}, changed {show.moment(article.changed_at)} by {who}",
        f"category {show.plain(article.category)}, for {'everybody' if article.audience == 'public' else 'staff'}",
        f"published in {', '.join(article.languages) or 'no language'}, drafts in {drafts or 'no language'}",
        f"last 30 days: {_read(figures)}",
    ]
    if article.related:
        lines.append(f"related: {', '.join(article.related)}")
    return [Text(lines[0], "bold"), *map(Text, lines[1:])]


def _read(figures: Figures) -> str:
    return f"{counted(figures.viewed, 'view')}, helped {figures.helped:,}, did not help {figures.not_helped:,}"


def changes(versions: Iterable[Version]) -> Table:
    """An article's versions."""
    table = Table("version", "at", "what", "language", "by", box=None, pad_edge=False, expand=True)
    table.columns[0].justify = "right"
    table.add_column("", ratio=1)
    for each in versions:
        restored = f"version {each.restores}" if each.restores else ""
        table.add_row(
            f"{each.version:,}",
            show.moment(each.at),
            Text(show.plain(each.what)),
            Text(show.plain(each.language or "–")),
            Text(show.plain(each.display_name or each.by or "the operator")),
            Text(show.plain(each.reason or restored or each.title or "")),
        )
    return table


def as_json(row: Listed) -> dict[str, Any]:
    """An article for programs."""
    article, read = row.article, row.figures
    return {
        "id": article.id,
        "title": row.title,
        "version": article.version,
        "category": article.category,
        "audience": article.audience,
        "language": article.language,
        "published": article.languages,
        "drafts": sorted(article.drafts),
        "changed_at": rfc3339(article.changed_at),
        "changed_by": article.changed_by,
        "viewed": read.viewed,
        "helped": read.helped,
        "not_helped": read.not_helped,
        "words": [words for helped, words in read.words if not helped],
    }


def counted(number: int, what: str) -> str:
    """`1 article`, `2 articles`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
