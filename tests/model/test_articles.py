"""The knowledge base against the model of its rules: the short run; and that one which breaks a rule is found out.

`make soak` has the long run. The page is docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.stack import Stack
from services.chassis.decision import Decision
from services.chassis.unit_of_work import Store
from services.knowledge.domain import answers
from services.knowledge.domain.articles import files, publishing, telling
from services.knowledge.domain.counting import deflecting, opening
from services.knowledge.domain.values.desk import Desk
from services.knowledge.domain.values.file import Upload
from tests.model.articles_machine import KnowledgeBase
from tests.model.cases import Broken
from tests.model.desk import Databases, databases
from tests.model.drawn import SOON
from tests.model.playing import play
from tests.model.test_model import stores_nothing_to_publish


def test_a_knowledge_base_does_what_the_model_of_its_rules_says(stack: Stack) -> None:
    seen = play(KnowledgeBase, stack.database.url(), "articles", seed_=1, examples=8, steps=40)
    assert seen["at rest"] >= 8
    assert seen["event: article.published"] > 16, "beside those at the beginning"
    assert seen["fault: dies after the commit"]


@pytest.fixture(scope="module")
def opened(stack: Stack) -> Iterator[Databases]:
    with databases(stack.database.url(), "broken_articles", KnowledgeBase.services) as opened:
        yield opened


# What is played: `a1` is published, `inside` is published for staff, and `a2` is a draft.
WEB, APP, A1, A2, INSIDE, EDITOR, OTHER, NO_EDITOR = 0, 1, 0, 1, 2, 0, 1, 10
YES, NO = 1, 0
"""Sessions that vote so."""


def opened_on_two_days(base: KnowledgeBase) -> None:
    base.somebody_reads(WEB, A1, YES, 11, False, "settle")
    base.until_it_matters(0, SOON[1])
    base.somebody_reads(WEB, A1, YES, 11, False, "settle")


def opened_in_two_channels(base: KnowledgeBase) -> None:
    for channel in (WEB, APP):
        base.somebody_reads(channel, A1, YES, 11, False, "settle")


def a_vote_and_another(base: KnowledgeBase) -> None:
    for session in (0, 3):  # the same one, of two minds
        base.somebody_reads(WEB, A1, session, 11, True, "settle")


def a_form_from_which_nothing_is_filed(base: KnowledgeBase) -> None:
    base.somebody_reads(WEB, A1, YES, 0, False, "settle")
    base.come_to_rest()


def filed_in_time_and_told_late(base: KnowledgeBase) -> None:
    base.somebody_reads(WEB, A1, YES, 0, False, "settle")
    base.something_is_filed(WEB, 1, SOON[0], False, "wait")
    base.time_passes(86_400)
    base.fire(0, 0, "", overtaken=False)


def an_article_that_becomes_internal(base: KnowledgeBase) -> None:
    base.editor_changes("move", EDITOR, A1, 1, 11, "settle")
    base.editor_changes("move", EDITOR, A1, 3, 11, "settle")


def withdrawn(base: KnowledgeBase) -> None:
    base.editor_changes("withdraw", EDITOR, A1, 3, 11, "settle")
    base.somebody_looks(False, A1, 11, 0, 0, 0)


def withdrawn_by_who_dies(base: KnowledgeBase) -> None:
    base.editor_changes("withdraw", EDITOR, A1, 3, 11, "dies after the commit")


def written_by_somebody(base: KnowledgeBase) -> None:
    base.editor_writes("save", NO_EDITOR, A2, 3, 11, "settle")


def written_over_a_newer_text(base: KnowledgeBase) -> None:
    base.editor_writes("save", EDITOR, A2, 3, 11, "settle")
    base.editor_writes("save", OTHER, A2, 3, 1, "settle")


def two_parts_at_once(base: KnowledgeBase) -> None:
    base.editor_brings_a_file(EDITOR, A1, 0, True, "overtaken")


def a_file_of_what_readers_see(base: KnowledgeBase) -> None:
    base.editor_brings_a_file(EDITOR, A1, 0, True, "settle")


def published_right_after_it_was_withdrawn(base: KnowledgeBase) -> None:
    base.editor_changes("withdraw", EDITOR, A1, 3, 11, "wait")
    base.editor_changes("publish", EDITOR, A1, 3, 11, "deliver")


# What is broken.

VOTED, TALLIES, TOLD, EVENT = opening._voted, deflecting._tallies, telling.told, telling.event


def each_for_itself(changes: Sequence[Any] = (), **more: Any) -> Decision:
    """Whoever brings a part of a file gets in nobody's way."""
    return Decision([change for change in changes if not isinstance(change, Upload)], **more)


Script = Callable[[KnowledgeBase], None]
BROKEN: tuple[tuple[Script, object, str, Any], ...] = (
    (opened_on_two_days, opening, "fact_id", lambda *of: "/".join(of[:-1])),
    (opened_in_two_channels, opening, "fact_id", lambda kind, _channel, *of: "/".join((kind, *of))),
    (a_vote_and_another, opening, "_voted", lambda tally, helped, by: VOTED(tally, helped, max(by, 0))),
    (a_form_from_which_nothing_is_filed, deflecting, "DEFLECTED_AFTER", timedelta(hours=23)),
    (filed_in_time_and_told_late, deflecting, "_tallies", lambda view, draft, by: TALLIES(view, draft, max(by, 0))),
    (an_article_that_becomes_internal, publishing, "event", lambda _, *of: EVENT("article.withdrawn", *of)),
    (withdrawn, publishing, "_withdrawn", lambda published, article: published),
    (written_by_somebody, Desk, "is_editor", lambda *_: True),
    (written_over_a_newer_text, answers, "conflict", lambda article: Decision(answer=answers.accepted(article))),
    (withdrawn, publishing, "told", lambda article, now: TOLD(replace(article, audience="internal"), now)),
    (withdrawn_by_who_dies, Store, "commit", stores_nothing_to_publish),
    (two_parts_at_once, files, "Decision", each_for_itself),
    (a_file_of_what_readers_see, files, "at_its_version", lambda _article, _published: []),
)


@pytest.mark.parametrize(
    ("script", "place", "name", "wrong"), BROKEN, ids=[f"{row[0].__name__} {row[2]}" for row in BROKEN]
)
def test_a_knowledge_base_that_breaks_a_rule_is_found_out(
    opened: Databases, monkeypatch: pytest.MonkeyPatch, script: Script, place: object, name: str, wrong: Any
) -> None:
    played(opened, script)
    monkeypatch.setattr(place, name, wrong)
    with pytest.raises(Broken):
        played(opened, script)


def test_what_was_withdrawn_is_published_again_in_the_same_turn(opened: Databases) -> None:
    """A draft that an earlier message of the turn has made is read like any other."""
    played(opened, published_right_after_it_was_withdrawn)


def played(opened: Databases, script: Script) -> None:
    """Play the script on a desk of its own, to its rest."""
    base: KnowledgeBase = type("ScriptedBase", (KnowledgeBase,), {"databases": opened})()
    script(base)
    base.teardown()
