"""`python -m tests.bench.similar`: how well similar issues are told from others, and how long it takes.

Each method learns from a part of the bank's questions and is judged on the rest: once split by issue, so that all
issues judged are new to it, once by question; and on other desks' questions. Prints tables. The page is
docs/similar-issues.md.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from services.intake.domain.issues.likeness import COMPARED_CHARACTERS, likeness, opening, shipped, wording
from services.intake.domain.issues.similarity import SIMILAR_FROM
from tests.bench.similar.methods import METHODS, Method
from tests.bench.similar.protocol import Comparing, Scores, cases, joined, scores, share, threshold
from tests.bench.similar.questions import LANGUAGES, Question, bank, other_desks

FOLDS = 5
CASES = 8_000
"""Of each fold; half of them about an issue that is open."""
SEED = 0
WIDTH = 170
OPEN = {"1 to 3 open tickets": 3, "1 open ticket": 1}
ELSEWHERE = {"other desks": LANGUAGES, "other desks, English": LANGUAGES[:1], "other desks, de, fr, es": LANGUAGES[1:]}
PREVALENCE = (0.5, 0.2)
"""Shares of submissions that are about an open issue, for which precision is given."""

Questions = Sequence[Question]


def main() -> int:
    """Measure and print; the exit code."""
    try:
        questions = bank()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    console = Console(width=max(Console().width, WIDTH))
    tables = {title: _table(title) for title in OPEN}
    for name, method in METHODS.items():
        print(f"{name} …", file=sys.stderr)
        for title, measured in judged(method, questions).items():
            _add_rows(tables[title], name, measured)
    for table in (*tables.values(), times(questions)):
        console.print(table, "")
    return 0


def judged(method: Method, questions: Questions) -> dict[str, dict[str, list[Scores]]]:
    """A method's scores by the number of open tickets, then by what it is judged on, fold by fold."""
    found: dict[str, dict[str, list[Scores]]] = {title: {} for title in OPEN}

    def judge(on: str, compared: Comparing, asked: Questions) -> None:
        scoring = compared(asked)
        for title, most_open in OPEN.items():
            drawn = list(cases(asked, CASES, most_open, np.random.default_rng(SEED)))
            found[title].setdefault(on, []).append(scores(asked, drawn, scoring))

    for on, folds in (("new issues", by_issue(questions)), ("known issues", by_question(questions))):
        for known, asked in folds:
            judge(on, method(known), asked)
    compared = method(questions)
    for on, languages in ELSEWHERE.items():
        judge(on, compared, other_desks(languages))
    return found


def by_issue(questions: Questions) -> list[tuple[Questions, Questions]]:
    """What is learned from and what is judged, fold by fold: no issue in both."""
    issues = np.random.default_rng(SEED).permutation(sorted({question.issue for question in questions}))
    folds = [set(fold.tolist()) for fold in np.array_split(issues, FOLDS)]
    return [_split(questions, [question.issue in fold for question in questions]) for fold in folds]


def by_question(questions: Questions) -> list[tuple[Questions, Questions]]:
    """The same with all issues in both, but no question."""
    order = np.random.default_rng(SEED).permutation(len(questions))
    folds = [set(fold.tolist()) for fold in np.array_split(order, FOLDS)]
    return [_split(questions, [place in fold for place in range(len(questions))]) for fold in folds]


def _split(questions: Questions, asked: Sequence[bool]) -> tuple[Questions, Questions]:
    pairs = list(zip(questions, asked, strict=True))
    return [fold for fold, out in pairs if not out], [fold for fold, out in pairs if out]


def _table(title: str) -> Table:
    precision = [f"precision, {same:.0%} same" for same in PREVALENCE]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in ("method", "judged on", "from score", "recall", "false prompts", *precision):
        table.add_column(column, no_wrap=True)
    return table


def _add_rows(table: Table, name: str, measured: dict[str, list[Scores]]) -> None:
    new, known = measured["new issues"], measured["known issues"]
    _add(table, name, "new issues", new, of_other_folds(new))
    _add(table, name, "known issues", known, of_other_folds(known))
    _add(table, name, "other desks, threshold of new issues", measured["other desks"], [threshold(joined(new).highest)])
    for on in ELSEWHERE:
        _add(table, name, on, measured[on], [threshold(joined(measured[on]).highest)])
    if name == "Casebus":
        for on, folds in measured.items():
            _add(table, name, f"{on}, as shipped", folds, [SIMILAR_FROM] * len(folds))


def of_other_folds(folds: Sequence[Scores]) -> list[float]:
    """For each fold the threshold that the other folds ask for: what is judged chooses nothing."""
    return [threshold(joined([other for other in folds if other is not fold]).highest) for fold in folds]


def _add(table: Table, name: str, on: str, folds: Sequence[Scores], thresholds: Sequence[float]) -> None:
    pairs = list(zip(folds, thresholds, strict=True))
    everything = joined(folds)
    recall = share(np.concatenate([fold.right >= least for fold, least in pairs]), everything.right_issues)
    false = share(np.concatenate([fold.highest >= least for fold, least in pairs]), everything.highest_issues)
    right = [same * recall.value for same in PREVALENCE]
    wrong = [(1 - same) * false.value for same in PREVALENCE]
    precision = [f"{good / (good + bad):.3f}" if good else "-" for good, bad in zip(right, wrong, strict=True)]
    table.add_row(name, on, f"{np.mean(thresholds):.3f}", str(recall), str(false), *precision)


def times(questions: Questions) -> Table:
    """How long the desk's whole comparison takes."""
    table = Table(title="Casebus, milliseconds of CPU a submission", title_justify="left", box=None, pad_edge=False)
    for column in ("texts", "open tickets", "median", "99 %"):
        table.add_column(column)
    short = [question.text for question in questions[:500]]
    long = [opening("", " ".join(question.text for question in questions[place : place + 12])) for place in range(500)]
    for name, texts in (("the bank's questions", short), (f"{COMPARED_CHARACTERS} characters", long)):
        for number in (1, 3):
            taken = [_seconds(texts[place : place + number + 1]) for place in range(400)]
            middle, high = np.quantile(np.array(taken) * 1_000, (0.5, 0.99))
            table.add_row(name, str(number), f"{middle:.3f}", f"{high:.3f}")
    return table


def _seconds(texts: Sequence[str]) -> float:
    model = shipped()
    start = time.thread_time()
    asked = wording(texts[0], model)
    for text in texts[1:]:
        likeness(asked, wording(text, model), model)
    return time.thread_time() - start


if __name__ == "__main__":
    sys.exit(main())
