"""Nothing internal reaches a channel: no answer and no work of any question or command tells an internal article, a
draft or a withdrawn one from an id that nobody has used.

Each test asks two knowledge bases, of which one holds more than channels may see, and compares all that comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts import registry
from services.chassis.decision import Message
from services.knowledge.domain.needs import Need
from services.knowledge.domain.taken import decide
from tests.unit.knowledge.base import AGENT, CHANNEL, EDITOR, Base, as_told, refused

SECRET: dict[str, Any] = {
    "title": "Chargeback fraud zebra",
    "body": "Zebra quokka. [x](article:open)\n",
    "keywords": ["numbat"],
}


def nothing(_: Base) -> None:
    """There is no such article."""


def internal(base: Base) -> None:
    base.write("secret", audience="internal", category="safety", **SECRET)


def internal_since(base: Base) -> None:
    base.write("secret", category="safety", **SECRET)
    base.send("article.move", article_id="secret", audience="internal")
    base.save("secret", **SECRET)
    base.publish("secret")


def draft(base: Base) -> None:
    base.save("secret", category="safety", **SECRET)


def withdrawn(base: Base) -> None:
    base.write("secret", category="safety", **SECRET)
    base.send("article.withdraw", article_id="secret")


HIDDEN = [internal, internal_since, draft, withdrawn]

WORDS = ("zebra", "quokka", "numbat", "secret", "zebrra", "parcel", "fraud parcel")
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    *[("article.search", {"words": words}) for words in WORDS],
    ("article.search", {"words": "parcel", "category": "safety"}),
    ("article.search", {"words": "zebra", "page": 2}),
    *[("article.suggest", {"words": words}) for words in ("zeb", "quok", "chargeb", "parcel zeb")],
    ("article.suggest", {"words": "zeb", "category": "safety"}),
    ("article.view", {"article_id": "secret"}),
    ("article.view", {"article_id": "secret", "language": "de"}),
    ("article.view", {"article_id": "secret", "version": 1}),
    ("article.view", {"article_id": "secret", "draft": True}),
    ("article.view", {"article_id": "open"}),
    *[("article.list", {"sort": sort}) for sort in ("most_viewed", "most_recent")],
    ("article.list", {"category": "safety"}),
    ("article.list", {"category": "safety", "sort": "most_viewed"}),
    ("article.list", {"category": "safety", "ids": ["secret"]}),
    ("article.list", {"page": 2}),
    ("article.list", {"ids": ["secret", "open"]}),
    ("article.list", {"state": "published"}),
    ("article.categories", {}),
    ("article.categories", {"language": "de"}),
    ("article.download", {"article_id": "secret", "name": "x.png"}),
    ("article.opened", {"article_id": "secret", "session": "s"}),
    ("article.opened", {"article_id": "secret", "session": "s", "draft": "d"}),
    ("article.helped", {"article_id": "secret", "session": "s", "helped": True}),
]


def a_base(hide: Callable[[Base], None]) -> Base:
    base = Base()
    base.write("open", title="Parcels", body="Where is my parcel?\n", related=["secret"])
    hide(base)
    base.viewed = {"secret": 100, "open": 1}
    return base


@pytest.mark.parametrize(("type_", "data"), QUESTIONS, ids=[f"{type_} {data}" for type_, data in QUESTIONS])
@pytest.mark.parametrize("hide", HIDDEN)
def test_a_channel_gets_the_answer_of_an_id_that_nobody_has_used(
    hide: Callable[[Base], None], type_: str, data: dict[str, Any]
) -> None:
    plain, hiding = a_base(nothing), a_base(hide)
    asked: list[set[Need]] = []
    answers = []
    for base in (plain, hiding):
        decision = base.send(type_, CHANNEL, id_="q", **data)
        answers.append(as_told(decision))
        asked.append(base.asked)
        if data.get("article_id") == "secret":
            assert not decision.changes
            assert not decision.timers
    assert answers[0] == answers[1]
    assert asked[0] == asked[1], "the same work"


def test_what_changed_is_told_of_an_article_that_became_internal_once_and_never_again() -> None:
    base = a_base(nothing)
    base.write("secret", category="safety", **SECRET)
    before = base.now
    base.later(minutes=1)
    base.send("article.move", article_id="secret", audience="internal")
    found = base.found("article.list", changed_since=before.isoformat())
    assert ([hit.id for hit in found.articles], list(found.withdrawn)) == ([], ["secret"])
    after = base.now
    base.later(minutes=1)
    base.save("secret", **SECRET)
    base.publish("secret")
    base.send("article.move", article_id="secret", category="billing")
    base.send("article.withdraw", article_id="secret")
    assert base.found("article.list", changed_since=after.isoformat()).withdrawn == []
    assert base.ids("article.list", AGENT, changed_since=after.isoformat()) == []
    assert list(base.found("article.list", AGENT, changed_since=after.isoformat()).withdrawn) == ["secret"]


def test_in_which_category_an_article_is_that_a_channel_no_longer_sees_is_not_told() -> None:
    base = a_base(nothing)
    base.write("secret", category="safety", **SECRET)
    base.send("article.move", article_id="secret", audience="internal")
    asked = [{"changed_since": "2026-01-01T00:00:00Z", "category": each} for each in ("safety", "billing", "desk")]
    before = [base.found("article.list", **each).withdrawn for each in asked]
    base.send("article.move", article_id="secret", category="billing")
    assert [base.found("article.list", **each).withdrawn for each in asked] == before


@pytest.mark.parametrize("hide", [internal, draft])
def test_what_was_never_public_is_never_told_as_changed(hide: Callable[[Base], None]) -> None:
    told = [
        as_told(a_base(each).send("article.list", CHANNEL, changed_since="2026-01-01T00:00:00Z"))
        for each in (nothing, hide)
    ]
    assert told[0] == told[1]


def test_an_internal_translation_or_draft_is_in_no_count_of_languages() -> None:
    base = a_base(nothing)
    base.send("article.translate", article_id="open", language="de", title="Zebra", body="Zebra.\n")
    shown = base.viewed_by(CHANNEL, "open", language="de").article
    assert (shown.language, shown.languages, shown.version) == ("en", ["en"], 2)
    assert base.ids("article.search", words="zebra", language="de") == []


def test_related_names_what_the_reader_sees_alone() -> None:
    base = a_base(internal)
    assert base.viewed_by(CHANNEL, "open").article.related == []
    assert [each.id for each in base.viewed_by(AGENT, "open").related] == ["secret"]


def test_staff_find_what_is_internal() -> None:
    base = a_base(internal)
    for sender in (AGENT, EDITOR):
        assert base.ids("article.search", sender, words="zebra") == ["secret"]
        assert base.ids("article.suggest", sender, words="zeb") == ["secret"]
        assert base.ids("article.list", sender, sort="most_viewed") == ["secret", "open"]
        assert base.viewed_by(sender, "secret").article.audience == "internal"
    refused(base.send("article.search", "agent.zoe", words="zebra"), "forbidden")


def test_what_was_withdrawn_a_moment_ago_is_not_shown_though_the_index_has_it() -> None:
    for hide in ("article.withdraw", "article.move"):
        base = a_base(nothing)
        shelf = base.shelf
        base.shelf = type(shelf)()  # what changes now does not reach the one that is searched
        base.send(hide, article_id="open", **({"audience": "internal"} if hide == "article.move" else {}))
        base.shelf = shelf
        assert base.ids("article.search", words="parcel") == []
        assert base.ids("article.suggest", words="parc") == []
        assert base.ids("article.list") == []


@pytest.mark.parametrize(("type_", "data"), QUESTIONS, ids=[f"{type_} {data}" for type_, data in QUESTIONS])
def test_what_editors_ask_in_the_same_moment_changes_no_answer_to_a_channel(type_: str, data: dict[str, Any]) -> None:
    """Questions are answered together, by what was read for all of them."""
    base = a_base(internal)
    base.send("article.attach", article_id="secret", upload="u", name="x.png", part=1, parts=1, content=PICTURE)
    of_channel = message("q", type_, CHANNEL, data)
    of_editors = [
        message(f"e{number}", asked, EDITOR, {"agent_id": "mara", **more})
        for number, (asked, more) in enumerate(QUESTIONS)
        if ("question", asked) in registry.TYPES
    ]
    alone, together = base.read_for([of_channel]), base.read_for([*of_editors, of_channel])
    assert as_told(decide(alone, of_channel, base.now)) == as_told(decide(together, of_channel, base.now))


PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"


def message(id_: str, type_: str, sender: str, data: dict[str, Any]) -> Message[Any]:
    kind = registry.TYPES.get(("question", type_)) or registry.TYPES["command", type_]
    return Message(id_, type_, sender, kind.schema.load(data))
