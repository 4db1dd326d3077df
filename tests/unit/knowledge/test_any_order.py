"""Two editors in any order: no text is lost, versions have no gap, and what is published was a draft."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.knowledge.domain.values.article import Published, Version
from tests.unit.knowledge.base import CHANNEL, EDITOR, OTHER_EDITOR, Base

LANGUAGES = ("en", "de", "fr")
STEPS = st.lists(
    st.tuples(
        st.sampled_from([EDITOR, OTHER_EDITOR]),
        st.sampled_from(["save", "translate", "restore", "publish", "withdraw", "move"]),
        st.sampled_from(LANGUAGES),
        st.integers(0, 12),
        st.booleans(),
    ),
    max_size=25,
)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_two_editors_in_any_order(steps: list[tuple[str, str, str, int, bool]]) -> None:
    base = Base()
    written: list[str] = []
    seen = {EDITOR: 0, OTHER_EDITOR: 0}
    for number, (editor, what, language, version, careful) in enumerate(steps):
        base.later(seconds=1)
        article = base.state.article("a")
        before = 0 if article is None else article.version
        expected: dict[str, Any] = {"expected_version": seen[editor]} if careful and seen[editor] else {}
        body = f"Text {number}."
        by_what: dict[str, dict[str, Any]] = {
            "save": {"title": "t", "body": body, "category": "desk"},
            "translate": {"language": language, "title": "t", "body": body},
            "restore": {"version": max(1, version)},
            "publish": {"language": language} if version % 2 else {},
            "withdraw": {"language": language} if version % 2 else {},
            "move": {"audience": "internal" if version % 2 else "public"},
        }
        decision = base.send(f"article.{what}", editor, article_id="a", **by_what[what], **expected)
        assert decision.answer is not None
        if decision.answer.type == "command.rejected":
            continue
        if expected and what != "move":
            assert seen[editor] == before, "a conflict was let through"
        if what in ("save", "translate"):
            written.append(body)
        article = base.article("a")
        seen[editor] = article.version
        assert article.version == before + bool(decision.changes)
        holds(base, written)


def holds(base: Base, written: list[str]) -> None:
    """What must be true after each step."""
    article = base.article("a")
    versions = {version.version: version for version in base.state.all_of(Version).values()}
    assert sorted(versions) == list(range(1, article.version + 1)), "a gap"
    texts = [version.text.body for _, version in sorted(versions.items()) if version.text and version.restores is None]
    assert texts == written, "a text is lost"
    for language, number in {**article.drafts, **article.live}.items():
        version = versions[number]
        assert version.text is not None
        assert version.language == language
    shown = {text.head.language: text for text in base.state.all_of(Published).values() if text.live}
    assert set(shown) == set(article.live)
    for language, text in shown.items():
        of = versions[text.written]
        assert of.text is not None
        assert (text.written, text.body) == (article.live[language], of.text.body), "published text was no draft"
        assert (text.head.category, text.head.audience) == (article.category, article.audience)
    sees = bool(shown) and article.audience == "public"
    assert (base.ids("article.list", CHANNEL) == ["a"]) == sees
