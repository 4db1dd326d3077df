"""The measurement of similar issues: that it draws and judges rightly, that training learns, and that figures hold."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from services.intake.domain.issues.likeness import Model, likeness, shipped, wording
from services.intake.domain.issues.similarity import SIMILAR_FROM
from tests.bench.similar import __main__ as measuring
from tests.bench.similar.methods import token_set
from tests.bench.similar.protocol import ALLOWED, Scores, cases, scores, share, threshold
from tests.bench.similar.questions import Question, bank, other_desks
from tests.bench.similar.train import trained, untrained

THINGS = ["card", "order", "invoice", "password", "ticket", "refund", "account", "coupon", "parcel", "region"]
TWO_WORDS = ("missing", "vanished")
"""Two ways to say the same of anything."""
QUESTIONS = [
    Question(f"{thing} {what} {ending}", f"{thing} {place}")
    for thing in THINGS
    for place, whats in enumerate([TWO_WORDS, ("expensive", "overpriced")])
    for what, ending in product(whats, ("today", "again", "please", "help"))
]


def test_open_tickets_of_a_case_are_of_different_issues_and_only_the_first_is_the_same() -> None:
    drawn = list(cases(QUESTIONS, 400, 3, np.random.default_rng(1)))
    assert {len(case.open) for case in drawn} == {1, 2, 3}
    assert sum(case.same for case in drawn) == 200
    for case in drawn:
        issues = [QUESTIONS[place].issue for place in case.open]
        assert len(set(issues)) == len(issues)
        assert case.asked not in case.open
        assert [issue == QUESTIONS[case.asked].issue for issue in issues] == [case.same] + [False] * (len(issues) - 1)


def test_a_perfect_score_finds_all_and_a_blind_one_no_more_than_it_asks_falsely() -> None:
    drawn = list(cases(QUESTIONS, 2_000, 3, np.random.default_rng(1)))
    perfect = scores(QUESTIONS, drawn, lambda place, other: float(QUESTIONS[place].issue == QUESTIONS[other].issue))
    assert (perfect.right >= threshold(perfect.highest)).all()
    random = np.random.default_rng(2)
    blind = scores(QUESTIONS, drawn, lambda place, other: random.random())
    assert (blind.right >= threshold(blind.highest)).mean() < 3 * ALLOWED


def test_at_most_the_allowed_share_is_above_a_threshold() -> None:
    highest = np.random.default_rng(1).random(1_000).round(2)
    assert (highest >= threshold(highest)).mean() <= ALLOWED
    assert (highest >= threshold(highest) - 0.02).mean() > ALLOWED


def test_bounds_are_wide_where_few_issues_decide() -> None:
    hits = np.array([True] * 50 + [False] * 50)
    few = share(hits, np.repeat(["a", "b"], 50))
    many = share(hits, np.array([str(place) for place in range(100)]))
    assert few.value == many.value == 0.5
    assert few.high - few.low > many.high - many.low > 0.1


def test_training_learns_that_two_words_mean_the_same() -> None:
    learned, letters = trained(QUESTIONS), untrained(QUESTIONS)
    text, same, other = (f"kettle {what}" for what in (*TWO_WORDS, "overpriced"))
    assert _alike(text, same, letters) == pytest.approx(_alike(text, other, letters), abs=0.05)
    assert _alike(text, same, learned) > _alike(text, other, learned) + 0.1


def test_what_is_judged_does_not_choose_its_threshold() -> None:
    nobody = np.array([], np.str_)
    folds = [Scores(np.array([]), nobody, np.array(highest), nobody) for highest in ([0.1] * 9, [0.2] * 9, [0.9] * 9)]
    assert measuring.of_other_folds(folds) == pytest.approx([0.9, 0.9, 0.2])


def test_splits_share_nothing_that_is_judged() -> None:
    for known, asked in measuring.by_issue(QUESTIONS):
        assert not {question.issue for question in known} & {question.issue for question in asked}
        assert len(known) + len(asked) == len(QUESTIONS)
    judged = [asked for _, asked in measuring.by_question(QUESTIONS)]
    assert sorted((question.text, question.issue) for part in judged for question in part) == sorted(
        (question.text, question.issue) for question in QUESTIONS
    )


def test_on_other_desks_the_shipped_model_asks_seldom_falsely_and_finds_more_than_common_words_do() -> None:
    questions, model = other_desks(), shipped()
    drawn = list(cases(questions, 4_000, 3, np.random.default_rng(0)))
    wordings = [wording(question.text, model) for question in questions]
    ours = scores(questions, drawn, lambda place, other: likeness(wordings[place], wordings[other], model))
    assert (ours.highest >= SIMILAR_FROM).mean() <= ALLOWED / 2
    assert (ours.right >= SIMILAR_FROM).mean() >= 0.14
    plain = scores(questions, drawn, token_set(())(questions))
    recall = [(measured.right >= threshold(measured.highest)).mean() for measured in (ours, plain)]
    assert recall[0] >= 2.5 * recall[1]


def test_absent_questions_are_said_to_be_absent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"not there: .*nowhere\.csv"):
        bank(tmp_path / "nowhere.csv")


def _alike(text: str, other: str, model: Model) -> float:
    return likeness(wording(text, model), wording(other, model), model)
