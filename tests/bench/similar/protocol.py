"""How a method is judged: requesters with open tickets submit something, and some are asked whether it is the same.

Half of the submissions are about one of the requester's open tickets (recall: how many of them are shown that
ticket), half about something else (false prompts: how many of them are asked, over all open tickets together). The
page is docs/similar-issues.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.bench.similar.questions import Question

ALLOWED = 0.02
"""Share of distinct submissions that may be asked."""
RESAMPLED = 1_000

Scoring = Callable[[int, int], float]
"""The score of two questions, by their places."""
Comparing = Callable[[Sequence[Question]], Scoring]
"""Makes the questions ready to be compared."""


@dataclass(frozen=True, slots=True)
class Case:
    """One submission: the place of its question, and of those that the requester has open."""

    asked: int
    open: tuple[int, ...]
    same: bool
    """Whether the first of the open ones is about the same issue; else none is."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What a method gave: of the right ticket, and the highest of a distinct submission; each with the issue asked."""

    right: NDArray[np.float64]
    right_issues: NDArray[np.str_]
    highest: NDArray[np.float64]
    highest_issues: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % bounds: issues are drawn again and again, because questions of one issue succeed or fail
    together."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def cases(questions: Sequence[Question], count: int, most_open: int, random: np.random.Generator) -> Iterator[Case]:
    """`count` submissions of requesters with 1 to `most_open` open tickets, no two of them about one issue."""
    places: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        places.setdefault(question.issue, []).append(place)
    for number in range(count):
        asked = int(random.integers(len(questions)))
        wanted = int(random.integers(1, most_open + 1))
        own = [place for place in places[questions[asked].issue] if place != asked]
        same = number % 2 == 0 and bool(own)
        held = [own[int(random.integers(len(own)))]] if same else []
        taken = {questions[asked].issue}
        while len(held) < wanted:
            other = int(random.integers(len(questions)))
            if questions[other].issue not in taken:
                taken.add(questions[other].issue)
                held.append(other)
        yield Case(asked, tuple(held), same)


def scores(questions: Sequence[Question], drawn: Sequence[Case], scoring: Scoring) -> Scores:
    """The scores of `scoring` in these cases."""
    right = [(scoring(case.asked, case.open[0]), questions[case.asked].issue) for case in drawn if case.same]
    highest = [
        (max(scoring(case.asked, place) for place in case.open), questions[case.asked].issue)
        for case in drawn
        if not case.same
    ]
    return Scores(*_columns(right), *_columns(highest))


def _columns(rows: list[tuple[float, str]]) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    return np.array([score for score, _ in rows]), np.array([issue for _, issue in rows])


def joined(parts: Sequence[Scores]) -> Scores:
    """All folds as one."""
    return Scores(
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.right_issues for part in parts]),
        np.concatenate([part.highest for part in parts]),
        np.concatenate([part.highest_issues for part in parts]),
    )


def threshold(highest: NDArray[np.float64]) -> float:
    """The lowest score from which at most `ALLOWED` of these distinct submissions are asked."""
    return float(np.nextafter(np.quantile(highest, 1 - ALLOWED, method="higher"), np.inf))


def share(hits: NDArray[np.bool_], issues: NDArray[np.str_]) -> Share:
    """The share of hits, with bounds."""
    names, place = np.unique(issues, return_inverse=True)
    of_issue = np.bincount(place, weights=hits, minlength=len(names))
    number = np.bincount(place, minlength=len(names))
    drawn = np.random.default_rng(0).integers(len(names), size=(RESAMPLED, len(names)))
    low, high = np.quantile(of_issue[drawn].sum(1) / number[drawn].sum(1), (0.025, 0.975))
    return Share(float(hits.mean()), float(low), float(high))
