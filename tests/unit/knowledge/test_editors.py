"""What editors do with articles, who may, and every refusal with its sentence."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from marshmallow import ValidationError

from contracts.articles import ArticleEvent, ArticleVersions, ArticleViewed
from services.knowledge.domain.articles.publishing import TOO_LARGE
from services.knowledge.domain.articles.writing import ids_of, slug
from services.knowledge.domain.values.article import Published, Version
from tests.unit.knowledge.base import AGENT, CHANNEL, EDITOR, OPERATOR, OTHER_EDITOR, Base, accepted, answer, refused
from tests.unit.said import as_a


def test_a_saved_article_is_a_draft_that_no_reader_sees() -> None:
    base = Base()
    stands = accepted(base.save()).article
    assert stands is not None
    assert (stands.id, stands.version, stands.drafts, stands.published) == ("seven-days", 1, ["en"], [])
    assert (stands.category, stands.audience, stands.changed_by) == ("desk", "public", "mara")
    refused(base.send("article.view", CHANNEL, article_id="seven-days"), "unknown_article")
    assert base.said == []


def test_a_published_article_is_told_of_as_it_stands() -> None:
    base = Base()
    base.save(body="See [statuses](article:case-statuses).\n", keywords=["gone"], summary="7 days.")
    base.later(minutes=5)
    decision = base.publish()
    (say,) = decision.said
    event = as_a(ArticleEvent, say.data)
    assert (say.type, say.routing_key, say.subject, event.by) == ("article.published",) * 2 + ("seven-days", "mara")
    article = event.article
    assert article.html == '<p>See <a href="article:case-statuses">statuses</a>.</p>\n'
    assert (article.version, article.languages, article.summary, article.keywords) == (2, ["en"], "7 days.", ("gone",))
    assert article.published_at == article.first_published_at == base.now
    assert base.article().drafts == {}


def test_an_article_without_id_gets_one_of_its_title() -> None:
    base = Base()
    for expected in ("when-is-my-case-closed", "when-is-my-case-closed-2", "when-is-my-case-closed-3"):
        assert accepted(base.save(None)).article.id == expected  # type: ignore[union-attr]
    for number in range(4, 31):
        assert accepted(base.save(None)).article.id == f"when-is-my-case-closed-{number}"  # type: ignore[union-attr]
    long = list(islice(ids_of("word " * 40), 1_100))
    assert len(set(long)) == len(long)
    assert all(len(id_) <= 64 and "--" not in id_ for id_ in long)
    assert slug("Straße & Größe?") == "strasse-grosse"
    assert slug("案件は?") == "article"
    assert len(slug("word " * 40)) <= 64
    assert not slug("word " * 40).endswith("-")


def test_without_a_summary_readers_get_the_first_sentences() -> None:
    base = Base()
    base.write(body="## Head\n\nFirst *sentence*. Second.\n")
    assert base.viewed_by().article.summary == "First sentence. Second."


def test_every_version_is_kept_with_who_when_and_what() -> None:
    base = Base()
    base.write()
    base.later(hours=1)
    base.save(sender=OTHER_EDITOR, body="After 8 days.\n")
    base.send("article.restore", OPERATOR, article_id="seven-days", version=1)
    base.send("article.withdraw", article_id="seven-days", reason="Wrong.")
    listed = answer(base.send("article.versions", EDITOR, article_id="seven-days"), ArticleVersions)
    assert [(each.version, each.what, each.by, each.display_name) for each in listed.versions] == [
        (5, "withdrawn", "mara", "Mara Ilves"),
        (4, "restored", None, None),
        (3, "saved", "jo", None),
        (2, "published", "mara", "Mara Ilves"),
        (1, "saved", "mara", "Mara Ilves"),
    ]
    assert (listed.versions[0].reason, listed.versions[1].restores) == ("Wrong.", 1)
    assert listed.versions[2].at - listed.versions[3].at == timedelta(hours=1)
    for number, body in ((1, "After 7 days.\n"), (3, "After 8 days.\n"), (4, "After 7 days.\n")):
        old = base.viewed_by(EDITOR, version=number)
        assert (old.article.body, old.article.html) == (body, "")


def test_an_old_text_is_restored_as_a_draft() -> None:
    base = Base()
    base.write(title="Old", keywords=["k"])
    base.save(title="New", body="New.\n")
    base.publish()
    stands = accepted(base.send("article.restore", article_id="seven-days", version=1)).article
    assert stands is not None
    assert (stands.drafts, base.viewed_by().article.title) == (["en"], "New")
    base.publish()
    shown = base.viewed_by().article
    assert (shown.title, shown.body, shown.keywords) == ("Old", "After 7 days.\n", ("k",))


def test_a_translation_is_a_text_of_its_own() -> None:
    base = Base()
    base.write()
    stands = accepted(
        base.send("article.translate", article_id="seven-days", language="de_DE.UTF-8", title="Wann?", body="x\n")
    ).article
    assert stands is not None
    assert (stands.drafts, stands.published) == (["de-DE"], ["en"])
    base.publish()
    shown = base.viewed_by(language="de").article
    assert (shown.title, shown.language, shown.languages) == ("Wann?", "de-DE", ["en", "de-DE"])
    assert base.viewed_by(language="fr").article.language == "en"


def test_one_language_is_published_and_withdrawn_alone() -> None:
    base = Base()
    base.write()
    for language in ("de", "fr"):
        base.send("article.translate", article_id="seven-days", language=language, title=language, body="x\n")
    base.publish(language="fr")
    assert (base.article().languages, sorted(base.article().drafts)) == (["en", "fr"], ["de"])
    decision = base.send("article.withdraw", article_id="seven-days", language="fr")
    (say,) = decision.said
    event = as_a(ArticleEvent, say.data)
    assert (say.type, event.article.language, event.article.title, event.article.languages) == (
        "article.withdrawn",
        "fr",
        "fr",
        ["en"],
    )
    assert base.viewed_by(language="fr").article.language == "en"


def test_what_is_withdrawn_becomes_the_draft_again_unless_there_is_a_newer_one() -> None:
    base = Base()
    base.write()
    base.send("article.withdraw", article_id="seven-days")
    assert base.article().drafts == {"en": 1}
    refused(base.send("article.view", CHANNEL, article_id="seven-days"), "unknown_article")
    base.publish()
    base.save(body="Newer.\n")
    base.send("article.withdraw", article_id="seven-days")
    assert base.viewed_by(EDITOR, draft=True).article.body == "Newer.\n"
    first = base.article().first["en"]
    base.later(days=1)
    base.publish()
    shown = base.viewed_by().article
    assert (shown.first_published_at, shown.published_at) == (first, base.now)


def test_a_move_holds_for_all_languages_and_what_is_published() -> None:
    base = Base()
    base.write()
    base.send("article.translate", article_id="seven-days", language="de", title="Wann?", body="x\n")
    base.publish()
    decision = base.send("article.move", article_id="seven-days", category="billing", audience="internal")
    assert [as_a(ArticleEvent, say.data).article.audience for say in decision.said] == ["internal"] * 2
    refused(base.send("article.view", CHANNEL, article_id="seven-days"), "unknown_article")
    assert base.viewed_by(AGENT, language="de").article.category == "billing"
    again = accepted(base.send("article.move", article_id="seven-days", category="billing"))
    assert again.hints == {"article_id": ["It is there already: nothing changed."]}
    assert base.article().version == 5


def test_saving_over_a_newer_text_is_a_conflict_that_names_who_and_when() -> None:
    base = Base()
    base.save()
    base.later(minutes=12)
    base.save(expected_version=1, body="Mara's.\n")
    conflict = refused(base.save(sender=OTHER_EDITOR, expected_version=1, body="Jo's.\n"), "conflict")
    assert conflict.message == "Mara Ilves changed the article on 2 March 2026 at 09:12 UTC: it is at version 2 now."
    assert conflict.article is not None
    assert (conflict.article.version, conflict.article.changed_by) == (2, "mara")
    accepted(base.save(sender=OTHER_EDITOR, body="Jo's.\n"))
    assert base.viewed_by(EDITOR, draft=True).article.body == "Jo's.\n"
    assert base.viewed_by(EDITOR, version=2).article.body == "Mara's.\n"


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("article.translate", {"language": "de", "title": "t", "body": "b"}),
        ("article.restore", {"version": 1}),
        ("article.publish", {}),
        ("article.withdraw", {}),
        ("article.move", {"category": "billing"}),
        ("article.attach", {"upload": "u", "name": "a.png", "part": 1, "parts": 1, "content": "aGk="}),
        ("article.detach", {"name": "a.png"}),
    ],
)
def test_every_command_about_an_article_checks_who_and_which_and_its_version(type_: str, data: dict[str, Any]) -> None:
    base = Base()
    base.save()
    base.save()
    about: dict[str, Any] = {"article_id": "seven-days", **data}
    refused(base.send(type_, expected_version=1, **about), "conflict")
    unknown = refused(base.send(type_, **{**about, "article_id": "no-such"}), "unknown_article")
    assert unknown.message == "There is no article no-such."
    who = refused(base.send(type_, AGENT, **about), "forbidden")
    assert who.message == "Only editors and the operator write articles."
    refused(base.send(type_, EDITOR, agent_id="jo", **about), "forbidden")
    refused(base.send(type_, OPERATOR, agent_id="mara", **about), "forbidden")
    assert base.article().version == 2


def test_without_a_staff_file_only_the_operator_writes() -> None:
    base = Base(staff=None)
    refused(base.save(), "forbidden")
    accepted(base.save(sender=OPERATOR))
    assert base.article().changed_by is None
    conflict = refused(base.save(sender=OPERATOR, expected_version=7), "conflict")
    assert conflict.message.startswith("The operator changed the article on 2 March 2026")


@pytest.mark.parametrize(
    ("data", "code", "errors"),
    [
        ({"body": "x <b>"}, "invalid", {"body": ["Line 1: HTML is not allowed: <b>"]}),
        (
            {"body": "a\n\n[x](javascript:y)"},
            "invalid",
            {"body": ["Line 3: A link may lead to https:, http:, mailto:, article: or file:, not to javascript:y."]},
        ),
        ({"category": "no-such"}, "unknown_category", {"category": ["There is no category no-such."]}),
        ({"category": None}, "invalid", {"category": ["A new article needs a category."]}),
    ],
)
def test_a_wrong_article_is_refused_with_a_sentence(
    data: dict[str, Any], code: str, errors: dict[str, list[str]]
) -> None:
    found = refused(Base().save(**data), code)
    assert found.errors == errors


def test_what_the_schema_refuses_has_a_sentence() -> None:
    base = Base()
    for data, field in (
        ({"body": "x" * 100_001}, "body"),
        ({"title": "x" * 201}, "title"),
        ({"language": "!!"}, "language"),
        ({"article_id": "No Slug"}, "article_id"),
        ({"keywords": ["k"] * 51}, "keywords"),
    ):
        given: dict[str, Any] = {"title": "t", "body": "b", "category": "desk", **data}
        with pytest.raises(ValidationError) as error:
            base.send("article.save", **given)
        assert field in error.value.messages_dict


def test_what_is_published_twice_is_published_once() -> None:
    base = Base()
    base.save()
    base.publish()
    again = refused(base.publish(sender=OTHER_EDITOR), "wrong_status")
    assert again.message == "Nobody has saved a text since the article was published."
    assert refused(base.publish(language="en"), "wrong_status").message == (
        "Nobody has saved a text in en since it was published."
    )
    assert refused(base.publish(language="de"), "wrong_status").message == "The article has no draft in de."
    refused(base.publish(expected_version=1), "conflict")


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("save", {"title": "t", "body": "See [it](article:x).\n"}),
        ("translate", {"title": "t", "body": "b\n", "language": "de"}),
        ("restore", {"version": 1}),
        ("withdraw", {}),
    ],
)
def test_what_becomes_a_draft_may_be_published_in_the_same_turn(type_: str, data: dict[str, Any]) -> None:
    base = Base()
    base.write()
    turn = [
        base.message(f"article.{type_}", article_id="seven-days", **data),
        base.message("article.publish", article_id="seven-days"),
    ]
    assert [accepted(decision).article.version for decision in base.turn(turn)] == [3, 4]  # type: ignore[union-attr]
    assert base.article().drafts == {}
    assert [say.type for say in base.said[-1:]] == ["article.published"]


def test_nothing_is_withdrawn_that_is_not_published() -> None:
    base = Base()
    base.save()
    assert refused(base.send("article.withdraw", article_id="seven-days"), "wrong_status").message == (
        "The article is not published."
    )
    base.publish()
    assert refused(base.send("article.withdraw", article_id="seven-days", language="de"), "wrong_status").message == (
        "The article is not published in de."
    )


def test_only_a_version_with_a_text_is_restored() -> None:
    base = Base()
    base.write()
    none = refused(base.send("article.restore", article_id="seven-days", version=2), "invalid")
    assert none.errors == {"version": ["Version 2 has no text."]}
    beyond = refused(base.send("article.restore", article_id="seven-days", version=9), "invalid")
    assert beyond.errors == {"version": ["The article is at version 2."]}


def test_the_own_language_is_not_a_translation() -> None:
    base = Base()
    base.save()
    found = refused(
        base.send("article.translate", article_id="seven-days", language="en", title="t", body="b"), "invalid"
    )
    assert found.errors == {"language": ["It is the article's own language: save the text there."]}


def test_an_article_has_so_many_languages() -> None:
    base = Base()
    base.save()
    letters = "ABCDEFGH"
    tags = [f"de-{first}{second}" for first in letters for second in letters][:50]
    for number, tag in enumerate(tags):
        decision = base.send("article.translate", article_id="seven-days", language=tag, title="t", body="b")
        if number < 49:
            accepted(decision)
    found = refused(decision, "invalid")
    assert found.errors == {"language": ["An article has at most 50 languages."]}


def test_links_to_what_readers_do_not_find_are_hints() -> None:
    base = Base()
    base.write("internal-notes", audience="internal")
    base.save("draft-only")
    text = "[a](article:internal-notes) [b](article:draft-only) [c](article:no-such) [d](article:seven-days)\n"
    expected = [
        f"It links to {id_}, which its readers do not find: no such article is published."
        for id_ in ("internal-notes", "draft-only", "no-such")
    ]
    assert accepted(base.save(body=text)).hints == {"body": expected}
    assert accepted(base.publish()).hints == {"body": expected}
    assert accepted(base.save("for-staff", audience="internal", body=text)).hints is not None
    inside = accepted(base.save("for-staff", body="[a](article:internal-notes)\n"))
    assert inside.hints is None


def test_what_a_save_does_not_change_is_a_hint() -> None:
    base = Base()
    base.save()
    hints = accepted(base.save(category="billing", audience="internal", language="de")).hints
    assert hints == {
        "category": ["It stays desk: article.move changes it."],
        "audience": ["It stays public: article.move changes it."],
        "language": ["The text is taken as en, the article's own language."],
    }
    assert base.article().category == "desk"


def test_an_article_is_not_published_with_pictures_that_it_does_not_have() -> None:
    base = Base()
    accepted(base.save(body="![x](file:clock.png)\n"))
    found = refused(base.publish(), "invalid")
    assert found.errors == {"body.en": ["It shows clock.png, and the article has no such file."]}


def test_an_article_is_not_published_that_no_service_would_read() -> None:
    base = Base()
    accepted(base.save(body="x" + "\x01" * 99_999))
    assert refused(base.publish(), "invalid").errors == {"body.en": [TOO_LARGE]}
    accepted(base.save(body="&" * 100_000))
    accepted(base.publish())


def test_related_articles_hold_once_the_text_that_names_them_is_published() -> None:
    base = Base()
    for id_ in ("a", "b"):
        base.write(id_, title=id_)
    base.write(related=["a"])
    base.save(related=["b"])
    assert [each.id for each in base.viewed_by().related] == ["a"]
    base.publish()
    assert [each.id for each in base.viewed_by().related] == ["b"]


def test_editors_list_articles_by_state() -> None:
    base = Base()
    base.write("live")
    base.later(minutes=1)
    base.write("gone")
    base.send("article.withdraw", article_id="gone")
    base.later(minutes=1)
    base.save("fresh", title="Fresh")
    for state, ids in (("draft", ["fresh", "gone"]), ("published", ["live"]), ("withdrawn", ["gone"])):
        assert base.ids("article.list", EDITOR, state=state) == ids
    assert base.found("article.list", EDITOR, state="draft").articles[0].title == "Fresh"


def test_a_new_article_with_an_expected_version_is_unknown() -> None:
    base = Base()
    found = refused(base.save(expected_version=3), "unknown_article")
    assert found.message == "There is no article seven-days: leave expected_version out to make it."


def test_what_is_stored_of_a_withdrawn_text_says_nothing() -> None:
    base = Base()
    base.write()
    base.send("article.withdraw", article_id="seven-days")
    text = base.state.published("seven-days", "en")
    assert text is not None
    assert not text.live
    assert (text.body, text.html, text.plain, text.head.title, text.head.summary) == ("",) * 5
    assert len(base.state.all_of(Version)) == 3
    assert len(base.state.all_of(Published)) == 1
    assert isinstance(base.viewed_by(EDITOR, draft=True), ArticleViewed)
