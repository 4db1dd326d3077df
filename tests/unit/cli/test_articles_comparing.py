"""What an import sends: only what differs, and nothing the second time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.articles import AttachFile, MoveArticle, PublishArticle, SaveArticle, TranslateArticle
from contracts.registry import command
from deploy.cli.articles.comparing import PART, Held, another_language, steps
from deploy.cli.articles.folder import Article, ArticleFile, Text
from tests.unit.said import on_the_wire

ENGLISH, GERMAN = Text("Log in", "Select **Log in**.", None, ("2fa",)), Text("Anmelden", "Wählen Sie **Anmelden**.")
PICTURE = ArticleFile("button.png", b"\x89PNG")
ARTICLE = Article("log-in", "billing", "public", "en", {"de": GERMAN, "en": ENGLISH}, ("buy",), (PICTURE,))
SAME = Held(replace(ARTICLE, files=()), 3, files={PICTURE.name: PICTURE.sha256})

SAVE = SaveArticle(article_id="log-in", title="Log in", body="Select **Log in**.", keywords=("2fa",), related=("buy",))
NEW = SaveArticle(
    article_id="log-in",
    category="billing",
    audience="public",
    language="en",
    title="Log in",
    body="Select **Log in**.",
    keywords=("2fa",),
    related=("buy",),
)
TRANSLATE = TranslateArticle(
    article_id="log-in", language="de", title="Anmelden", summary=None, body="Wählen Sie **Anmelden**."
)
ATTACH = AttachFile(
    article_id="log-in",
    upload=PICTURE.sha256[:32],
    name="button.png",
    media_type="image/png",
    part=1,
    parts=1,
    content=b"\x89PNG",
)
PUBLISH = PublishArticle(article_id="log-in")


def held(**changes: object) -> Held:
    return replace(SAME, **changes)  # type: ignore[arg-type]


def text_held(language: str, text: Text | None, **more: object) -> Held:
    texts = {each: known for each, known in ARTICLE.texts.items() if each != language}
    return held(article=replace(SAME.article, texts={**texts, **({language: text} if text else {})}), **more)


CASES = [
    ("a new one", None, [NEW, TRANSLATE, ATTACH], [PUBLISH]),
    ("the same", SAME, [], []),
    ("the same, not published yet", held(drafts=frozenset({"de", "en"})), [], [PUBLISH]),
    ("another title", text_held("en", replace(ENGLISH, title="Sign in")), [SAVE], [PUBLISH]),
    ("a summary that the desk has", text_held("en", replace(ENGLISH, summary="How.")), [SAVE], [PUBLISH]),
    ("other keywords", text_held("en", replace(ENGLISH, keywords=())), [SAVE], [PUBLISH]),
    ("other related ones", held(article=replace(SAME.article, related=())), [SAVE], [PUBLISH]),
    ("a translation that is missing", text_held("de", None), [TRANSLATE], [PUBLISH]),
    ("a translation that changed", text_held("de", replace(GERMAN, body="Anders.")), [TRANSLATE], [PUBLISH]),
    (
        "another category",
        held(article=replace(SAME.article, category="desk")),
        [MoveArticle(article_id="log-in", category="billing")],
        [],
    ),
    (
        "another category and audience",
        held(article=replace(SAME.article, category="desk", audience="internal")),
        [MoveArticle(article_id="log-in", category="billing", audience="public")],
        [],
    ),
    ("another picture", held(files={"button.png": "0" * 64}), [ATTACH], []),
    ("a file that the folder does not have", held(files={**SAME.files, "b.pdf": "0" * 64}), [], []),
    (
        "a draft in a language that the folder does not have",
        text_held("en", None, drafts=frozenset({"fr"})),
        [SAVE],
        [PublishArticle(article_id="log-in", language="en")],
    ),
    ("a draft in such a language alone", held(drafts=frozenset({"fr"})), [], []),
]


@pytest.mark.parametrize(("stands", "sent", "then"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_import_sends_what_differs_and_publishes_what_readers_do_not_see(
    stands: Held | None, sent: list[object], then: list[object]
) -> None:
    assert [step.data for step in steps(ARTICLE, stands, publish=False)] == sent
    assert [step.data for step in steps(ARTICLE, stands, publish=True)] == [*sent, *then]


def test_no_text_for_staff_becomes_public_before_the_one_that_takes_its_place() -> None:
    changed = replace(SAME.article, texts={**ARTICLE.texts, "en": replace(ENGLISH, body="For staff.")})
    internal = replace(ARTICLE, audience="internal")
    opened = steps(ARTICLE, held(article=replace(changed, audience="internal")), publish=True)
    assert [step.data for step in opened] == [SAVE, PUBLISH, MoveArticle(article_id="log-in", audience="public")]
    closed = steps(internal, held(article=changed), publish=True)
    assert [step.data for step in closed] == [MoveArticle(article_id="log-in", audience="internal"), SAVE, PUBLISH]


def test_all_that_an_import_sends_is_of_the_contract() -> None:
    for step in steps(ARTICLE, None, publish=True):
        kind = command(step.type)
        assert kind is not None
        assert kind.data is type(step.data)
        assert kind.may_be_sent_by("operator")
        kind.schema.load(on_the_wire(step.data))


def test_a_large_file_goes_in_parts() -> None:
    large = ArticleFile("manual.pdf", bytes(2 * PART + 1))
    sent = [step.data for step in steps(replace(ARTICLE, files=(large,)), SAME, publish=False)]
    parts = [each for each in sent if isinstance(each, AttachFile)]
    assert [(each.part, each.parts, len(each.content)) for each in parts] == [(1, 3, PART), (2, 3, PART), (3, 3, 1)]
    assert {(each.upload, each.media_type) for each in parts} == {(large.sha256[:32], "application/pdf")}


def test_an_articles_own_language_never_changes() -> None:
    assert another_language(ARTICLE, None) is None
    assert another_language(ARTICLE, SAME) is None
    german = held(article=replace(SAME.article, language="de"))
    assert another_language(ARTICLE, german) == "On the desk, the article's own language is de; the folder says en."
