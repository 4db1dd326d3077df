"""`python -m tests.bench.articles`: how well people find the article that answers them, against BM25 alone.

For each of the 200 questions the five best of the shipped articles: hit@1 and hit@5, in all, by language and by kind,
and by halves of the questions, which tell chance from choice. The page is docs/knowledge.md, "How well it finds".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from services.meaning.vectors import shipped as shipped_model
from tests.bench.articles.methods import Method, bm25, ours
from tests.bench.articles.shipped import ARTICLES, Asked, questions, shipped

LANGUAGES = ("en", "de", "fr", "es")
KINDS = ("plain", "typo", "half", "other words")


def main(folder: Path = ARTICLES) -> None:
    """Measure and print."""
    asked, texts = questions(folder), shipped(folder)
    meanings = {"en": shipped_model().vector}
    methods = {
        "Casebus": ours(texts, meanings),
        "without synonyms": ours(texts, meanings, with_synonyms=False),
        "by words alone": ours(texts, {}),
        "BM25 alone": bm25(texts),
    }
    table = Table(title="hit@1 / hit@5", title_justify="left", box=None, pad_edge=False)
    for column in ("questions", "number", *methods):
        table.add_column(column, no_wrap=True)
    places = {name: [_place(method, question) for question in asked] for name, method in methods.items()}
    for group, members in _groups(asked):
        row = [_rates([places[name][member] for member in members]) for name in methods]
        table.add_row(group, str(len(members)), *row)
    Console(width=120).print(table)


def _groups(asked: Sequence[Asked]) -> Iterator[tuple[str, list[int]]]:
    """Groups of questions, by their places."""
    yield "all", list(range(len(asked)))
    for language in LANGUAGES:
        yield language, [place for place, each in enumerate(asked) if each.language == language]
    for kind in KINDS:
        yield kind, [place for place, each in enumerate(asked) if each.kind == kind]
    for kind in KINDS:
        yield f"en, {kind}", [place for place, each in enumerate(asked) if each.language == "en" and each.kind == kind]
    english = [place for place, each in enumerate(asked) if each.language == "en"]
    yield "en, every other", english[::2]
    yield "en, the others", english[1::2]


def _place(method: Method, asked: Asked) -> int | None:
    """Where the first article that answers stands, from 0."""
    return next((place for place, article in enumerate(method(asked)) if article in asked.answers), None)


def _rates(places: Sequence[int | None]) -> str:
    first = sum(place == 0 for place in places) / len(places)
    shown = sum(place is not None for place in places) / len(places)
    return f"{first:.3f} / {shown:.3f}"


if __name__ == "__main__":
    typer.run(main)
