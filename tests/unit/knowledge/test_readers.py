"""What readers get: views, lists, searches, suggestions, page by page and language by language."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from marshmallow import ValidationError

from contracts.articles import ArticleCategories
from contracts.outcomes import Rejected
from services.knowledge.domain.needs import Listing, Need, Search, TextOf
from services.knowledge.domain.reading.languages import best, viewed
from services.knowledge.domain.state import View
from services.knowledge.search.values import Ranked
from tests.unit.knowledge.base import AGENT, CHANNEL, EDITOR, OPERATOR, OTHER_EDITOR, Base, accepted, answer, refused


def a_base(count: int = 3, **data: Any) -> Base:
    """With articles a1, a2, …, each published a minute after the one before."""
    base = Base()
    for number in range(1, count + 1):
        base.write(f"a{number}", title=f"Article {number} about parcels", body=f"The parcel number {number}.\n", **data)
        base.later(minutes=1)
    return base


def test_a_search_marks_what_it_found() -> None:
    base = a_base(1)
    (hit,) = base.found("article.search", words="parcel").articles
    assert [(piece.text, piece.found) for piece in hit.marked] == [("Article 1 about ", False), ("parcels", True)]
    assert ("parcel", True) in [(piece.text, piece.found) for piece in hit.excerpt]
    assert hit.score is not None
    assert 0 < hit.score <= 1


def test_half_a_word_is_enough_for_a_suggestion() -> None:
    base = a_base(7)
    found = base.found("article.suggest", words="parc")
    assert (len(found.articles), found.page, found.pages) == (5, 1, 1)
    assert any(piece.found for piece in found.articles[0].marked)
    assert found.articles[0].excerpt == []


def test_pages_have_twenty_and_one_beyond_the_end_is_refused() -> None:
    base = a_base(25)
    for type_, data in (("article.search", {"words": "parcel"}), ("article.list", {})):
        first, second = base.found(type_, page=1, **data), base.found(type_, page=2, **data)
        assert (len(first.articles), len(second.articles)) == (20, 5)
        assert (first.pages, second.page) == (2, 2)
        assert len({hit.id for hit in (*first.articles, *second.articles)}) == 25
        beyond = refused(base.send(type_, CHANNEL, page=3, **data), "invalid")
        assert beyond.errors == {"page": ["There are 2 pages."]}
    assert refused(base.send("article.search", CHANNEL, words="zebra", page=2), "invalid").errors == {
        "page": ["There is 1 page."]
    }


@pytest.mark.parametrize("words", ["", " ", '+-*/&|!(){}[]^"~?:', "\\", "\u200b", "…"])
def test_a_search_without_a_word_says_so_and_a_suggestion_finds_nothing(words: str) -> None:
    base = a_base(1)
    found = refused(base.send("article.search", CHANNEL, words=words), "invalid")
    assert found.errors == {"words": ["Type a word to look for: there is no letter or digit in it."]}
    assert base.ids("article.suggest", words=words) == []


def test_a_question_of_10000_characters_is_refused() -> None:
    with pytest.raises(ValidationError) as error:
        a_base(1).send("article.search", CHANNEL, words="a" * 10_000)
    assert error.value.messages_dict == {"words": ["Must have at most 1000 characters."]}


@pytest.mark.parametrize(
    "words", ["parcel AND (", "title:parcel", 'parcel "', "parcel*", "parcel~9", "parcel^^", "parcel\0"]
)
def test_nothing_that_a_person_types_is_an_operator(words: str) -> None:
    assert a_base(1).ids("article.search", words=words) == ["a1"]


def test_a_search_may_be_narrowed_to_a_category() -> None:
    base = a_base(2)
    base.send("article.move", article_id="a2", category="billing")
    for type_ in ("article.search", "article.suggest"):
        assert base.ids(type_, words="parcel", category="billing") == ["a2"]
    assert base.ids("article.list", category="billing") == ["a2"]


IN_A_CATEGORY: list[tuple[str, dict[str, Any]]] = [
    ("article.search", {"words": "parcel"}),
    ("article.suggest", {"words": "parc"}),
    ("article.list", {}),
    ("article.list", {"sort": "most_viewed"}),
    ("article.list", {"ids": ["a1"]}),
]


@pytest.mark.parametrize(("type_", "data"), IN_A_CATEGORY)
def test_a_category_that_does_not_exist_is_refused_and_nothing_is_looked_for(type_: str, data: dict[str, Any]) -> None:
    base = a_base(2)
    for sender in (CHANNEL, AGENT, EDITOR):
        found = refused(base.send(type_, sender, category="desks", **data), "unknown_category")
        assert (found.message, found.errors) == (
            "There is no category desks.",
            {"category": ["There is no category desks."]},
        )
        assert not any(isinstance(need, Search | Listing) for need in base.asked), "it counts as no search in vain"


@pytest.mark.parametrize(("type_", "data"), IN_A_CATEGORY)
def test_a_category_exists_in_the_files_or_by_its_articles(type_: str, data: dict[str, Any]) -> None:
    base = a_base(2)
    assert base.ids(type_, category="billing", **data) == [], "tickets are filed there"
    assert "a1" in base.ids(type_, category="desk", **data), "only articles have it"
    refused(base.send(type_, CHANNEL, category="safety", **data), "unknown_category")
    assert base.ids(type_, AGENT, category="safety", **data) == []
    base.desk = replace(base.desk, categories={})
    assert "a1" in base.ids(type_, category="desk", **data), "it is gone from the files, and the articles are there"
    base.send("article.withdraw", article_id="a1")
    base.send("article.move", article_id="a2", audience="internal")
    refused(base.send(type_, CHANNEL, category="desk", **data), "unknown_category")


def test_an_editor_looks_for_drafts_in_a_category_that_exists() -> None:
    base = Base()
    base.save("a", category="safety")
    assert base.ids("article.list", EDITOR, state="draft", category="safety") == ["a"]
    refused(base.send("article.list", EDITOR, state="draft", category="desks"), "unknown_category")


def test_an_editor_finds_the_drafts_of_a_category_that_is_gone_from_the_files() -> None:
    """They have to be moved."""
    base = Base()
    base.save("a", category="safety")
    base.write("b", category="desk")
    base.send("article.withdraw", article_id="b")
    base.desk = replace(base.desk, categories={})
    assert base.ids("article.list", EDITOR, state="draft", category="safety") == ["a"]
    assert base.ids("article.list", EDITOR, state="withdrawn", category="desk") == ["b"]
    refused(base.send("article.list", EDITOR, state="draft", category="desks"), "unknown_category")
    refused(base.send("article.list", AGENT, state="draft", category="safety"), "forbidden")


def test_the_operator_lists_what_an_editor_sees_and_names_no_agent() -> None:
    base = a_base(1)
    base.write("inside", audience="internal")
    base.save("draft")
    assert base.ids("article.list", OPERATOR, sort="most_recent") == ["inside", "a1"]
    assert base.ids("article.list", OPERATOR, state="draft") == ["draft"]
    refused(base.send("article.list", OPERATOR, agent_id="mara"), "forbidden")


def test_whoever_follows_a_category_hears_of_the_last_article_that_leaves_it() -> None:
    base = a_base(1)
    looked = base.now
    base.later(minutes=1)
    base.send("article.withdraw", article_id="a1")
    found = base.found("article.list", changed_since=looked.isoformat(), category="desk")
    assert (found.articles, found.withdrawn) == ([], ["a1"])


def test_a_misspelled_word_is_corrected() -> None:
    base = a_base(1)
    assert base.found("article.search", words="parcle").did_you_mean == "parcel"


def test_a_correction_that_is_too_long_to_be_asked_for_is_left_out() -> None:
    base = a_base(1)
    words = "parcl " * 166
    assert base.found("article.search", words=words).did_you_mean is None
    assert base.found("article.search", words="parcl").did_you_mean == "parcel"


def test_lists_are_of_the_most_recent_or_the_most_viewed() -> None:
    base = a_base(3)
    assert base.ids("article.list") == base.ids("article.list", sort="most_recent") == ["a3", "a2", "a1"]
    base.viewed = {"a2": 5, "a1": 2}
    assert base.ids("article.list", sort="most_viewed") == ["a2", "a1", "a3"]


def test_a_list_of_ids_keeps_their_order_and_leaves_out_what_is_not_there() -> None:
    base = a_base(3)
    base.save("draft")
    base.write("inside", audience="internal")
    assert base.ids("article.list", ids=["a3", "draft", "a1", "no-such", "inside", "a3"]) == ["a3", "a1"]
    assert base.ids("article.list", AGENT, ids=["inside"]) == ["inside"]


def test_a_channel_learns_what_changed_since_it_looked() -> None:
    base = a_base(3)
    looked = base.now
    base.later(minutes=1)
    base.send("article.withdraw", article_id="a1")
    base.later(minutes=1)
    base.save("a2", title="New title", body="x\n")
    base.publish("a2")
    found = base.found("article.list", changed_since=looked.isoformat())
    assert ([hit.id for hit in found.articles], list(found.withdrawn)) == (["a2"], ["a1"])
    assert base.found("article.list", changed_since=base.now.isoformat()).articles == []


def test_a_channel_that_follows_a_category_learns_what_left_it() -> None:
    base = a_base(2)
    looked = base.now
    base.later(minutes=1)
    base.send("article.move", article_id="a1", category="billing")
    found = base.found("article.list", changed_since=looked.isoformat(), category="desk")
    assert ([hit.id for hit in found.articles], list(found.withdrawn)) == ([], ["a1"])
    found = base.found("article.list", changed_since=looked.isoformat(), category="billing")
    assert ([hit.id for hit in found.articles], list(found.withdrawn)) == (["a1"], [])


def test_an_article_is_not_related_to_itself_nor_twice_to_another() -> None:
    base = a_base(2)
    base.write("a3", related=["a2", "a3", "a1", "a2"])
    shown = base.viewed_by(CHANNEL, "a3")
    assert shown.article.related == ["a2", "a1"]
    assert [each.id for each in shown.related] == ["a2", "a1"]


@pytest.mark.parametrize(
    ("sender", "data"),
    [
        (CHANNEL, {"words": "?! *:*"}),
        (CHANNEL, {"words": "parcel", "agent_id": "mara"}),
        (AGENT, {"words": "parcel", "agent_id": "mara"}),
        ("agent.zoe", {"words": "parcel"}),
    ],
)
def test_a_search_that_is_refused_looks_for_nothing(sender: str, data: dict[str, Any]) -> None:
    """Otherwise it would count as searched in vain."""
    base = a_base(1)
    assert answer(base.send("article.search", sender, **data), Rejected).code in ("invalid", "forbidden")
    assert base.asked == set()


def test_a_list_of_ids_has_one_page() -> None:
    found = refused(a_base(1).send("article.list", CHANNEL, ids=["a1"], page=2), "invalid")
    assert found.errors == {"page": ["There is 1 page."]}


def test_a_list_is_asked_for_in_one_way() -> None:
    found = refused(a_base(1).send("article.list", CHANNEL, ids=["a1"], sort="most_recent"), "invalid")
    assert found.errors == {"sort": ["Give ids or sort, not both."]}


def test_categories_have_names_and_counts_of_what_the_reader_finds() -> None:
    base = a_base(2)
    base.write("b", category="billing", language="de")
    base.write("c", category="safety", audience="internal")
    base.save("d", category="billing")

    def listed(sender: str, **data: Any) -> list[tuple[str, str, int]]:
        found = answer(base.send("article.categories", sender, **data), ArticleCategories)
        return [(each.id, each.name, each.articles) for each in found.categories]

    assert listed(CHANNEL) == [("billing", "Billing", 1), ("desk", "How the desk works", 2)]
    assert listed(CHANNEL, language="de") == [("billing", "Billing", 1), ("desk", "Der Helpdesk", 2)]
    assert listed(CHANNEL, language="en") == [("desk", "How the desk works", 2)]
    assert listed(AGENT) == [("billing", "Billing", 1), ("desk", "How the desk works", 2), ("safety", "Safety", 1)]


@pytest.mark.parametrize(
    ("languages", "wanted", "found", "shown"),
    [
        (["en", "de"], "de", "de", "de"),
        (["en", "de"], "de-AT", "de", "de"),
        (["en", "de-AT", "de-CH"], "de", "de-AT", "de-AT"),
        (["en", "de"], "fr", "en", "en"),
        (["de"], "fr", None, "de"),
        (["de", "fr"], None, "de", "de"),
        (["de", "en"], None, "en", "en"),
        ([], "de", None, None),
    ],
)
def test_in_which_language_a_reader_finds_an_article(
    languages: list[str], wanted: str | None, found: str | None, shown: str | None
) -> None:
    assert best(languages, wanted, "en") == found
    assert viewed(languages, wanted, "en") == shown


def test_searches_and_lists_choose_the_same_language() -> None:
    base = Base()
    base.write("a", title="parcel")
    base.send("article.translate", article_id="a", language="de", title="parcel", body="Paket.\n")
    base.publish("a")
    base.write("b", title="parcel", language="fr")
    for wanted, expected in (
        ("de", {"a": "de"}),
        ("en", {"a": "en"}),
        ("es", {"a": "en"}),
        ("fr", {"a": "en", "b": "fr"}),
    ):
        for type_, data in (
            ("article.search", {"words": "parcel"}),
            ("article.list", {}),
            ("article.suggest", {"words": "parc"}),
        ):
            found = base.found(type_, language=wanted, **data)
            assert {hit.id: hit.language for hit in found.articles} == expected, (type_, wanted)


def test_a_draft_is_seen_by_editors_alone() -> None:
    base = a_base(1)
    base.save("a1", body="Newer.\n")
    assert base.viewed_by(EDITOR, "a1", draft=True).article.body == "Newer.\n"
    unpublished: list[dict[str, Any]] = [{"draft": True}, {"version": 1}]
    for sender in (CHANNEL, AGENT):
        for data in unpublished:
            for id_ in ("a1", "no-such"):
                found = refused(base.send("article.view", sender, article_id=id_, **data), "forbidden")
                assert found.message == "Only editors see texts that are not published."
    refused(base.send("article.list", AGENT, state="draft"), "forbidden")
    refused(base.send("article.versions", AGENT, article_id="a1"), "forbidden")
    both = refused(base.send("article.view", EDITOR, article_id="a1", version=1, draft=True), "invalid")
    assert both.errors == {"version": ["Ask for a version or for the draft, not for both."]}
    unknown = refused(base.send("article.view", EDITOR, article_id="no-such", draft=True), "unknown_article")
    assert unknown.message == "There is no article no-such."
    assert refused(base.send("article.view", EDITOR, article_id="a1", version=2), "invalid").errors == {
        "version": ["Version 2 has no text."]
    }


def test_an_editor_views_the_draft_of_a_language() -> None:
    base = a_base(1)
    base.send("article.translate", article_id="a1", language="de", title="Entwurf", body="x\n")
    assert base.viewed_by(EDITOR, "a1", draft=True, language="de").article.title == "Entwurf"
    none = refused(base.send("article.view", EDITOR, article_id="a1", draft=True, language="fr"), "wrong_status")
    assert none.message == "The article has no text in fr."


def test_readers_ask_in_their_own_name() -> None:
    base = a_base(1)
    refused(base.send("article.view", AGENT, article_id="a1", agent_id="mara"), "forbidden")
    refused(base.send("article.view", AGENT, article_id="a1", agent_id=None), "forbidden")
    refused(base.send("article.view", CHANNEL, article_id="a1", agent_id="al"), "forbidden")
    stranger = refused(base.send("article.view", "agent.zoe", article_id="a1"), "forbidden")
    assert stranger.message == "Agent zoe is not among the staff of this desk."


def test_a_view_shows_staff_the_version_that_editors_expect() -> None:
    base = a_base(1)
    base.save("a1", body="x\n")
    assert (base.viewed_by(CHANNEL, "a1").article.version, base.viewed_by(OTHER_EDITOR, "a1").article.version) == (2, 3)
    accepted(base.publish("a1", expected_version=3))


class Withdrawing(Base):
    """An editor withdraws these languages, one after the other, each just before its text is read."""

    def __init__(self, *languages: str) -> None:
        super().__init__()
        self.withdrawn = list(languages)

    def _read(self, known: View, need: Need, ranked: dict[Search, Ranked]) -> None:
        if isinstance(need, TextOf) and need.language in self.withdrawn:
            self.withdrawn.remove(need.language)
            accepted(self.send("article.withdraw", article_id=need.article, language=need.language))
        super()._read(known, need, ranked)


@pytest.mark.parametrize(
    ("withdrawn", "wanted", "shown"),
    [(["en"], "en", "de"), (["de"], "de", "en"), (["en", "de"], None, "fr"), (["de"], "fr", "fr")],
)
def test_a_text_that_is_withdrawn_while_it_is_read_gives_way_to_another_language(
    withdrawn: list[str], wanted: str | None, shown: str
) -> None:
    base = Withdrawing(*withdrawn)
    base.save("a")
    for language in ("de", "fr"):
        base.send("article.translate", article_id="a", language=language, title=language, body="7.\n")
    base.publish("a")
    assert base.viewed_by(CHANNEL, "a", language=wanted).article.language == shown


def test_an_article_that_is_withdrawn_while_it_is_read_does_not_exist() -> None:
    base = Withdrawing("en")
    base.write("a")
    refused(base.send("article.view", CHANNEL, article_id="a"), "unknown_article")
