"""The articles of a suggested solution: their titles and addresses in what the requester reads, and never another's
than a public one that is published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from contracts.notifications import Message as Shown
from services.chassis.decision import Message
from services.chassis.settings import WrongSettings, read
from services.notifications.domain.state import Policy
from services.notifications.settings import NotificationSettings, is_article_url
from services.notifications.templates import Templates
from tests.unit.notifications.builders import (
    NOW,
    Desk,
    a_contact_change,
    a_preferences_change,
    an_entry,
    an_event,
    payload,
)
from tests.unit.notifications.test_mailboxes import ENVIRONMENT

URL = "https://help.example.org/{language}/a/{id}"
LATER = timedelta(minutes=1)


def an_article(
    version: int, title: str, language: str = "en", *, languages: Sequence[str] = ("en",), **more: Any
) -> Message[Any]:
    return _event("article.published", version, language, title=title, languages=[*languages], **more)


def a_withdrawal(version: int, language: str = "en", *, languages: Sequence[str] = (), **more: Any) -> Message[Any]:
    return _event("article.withdrawn", version, language, title="As it stood", languages=[*languages], **more)


def _event(type_: str, version: int, language: str, **more: Any) -> Message[Any]:
    article = {
        "id": "refunds",
        "version": version,
        "category": "billing",
        "audience": "public",
        "language": language,
        "summary": "How.",
        "body": "How.",
        "html": "<p>How.</p>",
        "keywords": [],
        "related": [],
        "files": [],
        "published_at": NOW,
        "first_published_at": NOW,
        **more,
    }
    id_ = f"{type_}-{article['id']}-{language}-{version}"
    return Message(id_, type_, "knowledge", payload(type_, {"article": article}), article["id"], f"knowledge\x1f{id_}")


def a_suggestion(*articles: str, **ticket: Any) -> Message[Any]:
    entry = an_entry("Please read this.", articles=[*articles])
    return an_event("ticket.solution_suggested", "e9", entry, status="solution_suggested", **ticket)


def told(desk: Desk, suggestion: Message[Any] | None = None) -> str:
    """What the requester reads of the articles."""
    desk.hear(suggestion or a_suggestion("refunds"))
    (shown,) = [say.data for say in desk.said if isinstance(say.data, Shown)]
    return "".join(shown.text.split("|")[5:]).partition(" [")[0]


PUBLIC = an_article(3, "Get a refund")
GERMAN = an_article(3, "Geld zurück", "de", languages=("en", "de"))
ENGLISH_OF_TWO = an_article(3, "Get a refund", languages=("en", "de"))
INTERNAL = an_article(4, "Get a refund", audience="internal")

HEARD: list[tuple[str, list[Message[Any]], str]] = [
    ("nothing", [], ""),
    ("a public article", [PUBLIC], "- Get a refund"),
    ("another title", [PUBLIC, an_article(5, "Ask for a refund")], "- Ask for a refund"),
    ("an internal article", [an_article(3, "Staff only", audience="internal")], ""),
    ("it became internal", [PUBLIC, INTERNAL], ""),
    ("it became public again", [PUBLIC, INTERNAL, an_article(5, "Get a refund")], "- Get a refund"),
    ("it was withdrawn", [PUBLIC, a_withdrawal(4)], ""),
    ("it was withdrawn, and the event shows it as it stood", [PUBLIC, a_withdrawal(4, languages=("en",))], ""),
    ("it was published again", [PUBLIC, a_withdrawal(4), an_article(5, "Back")], "- Back"),
    (
        "one language was withdrawn",
        [ENGLISH_OF_TWO, GERMAN, a_withdrawal(4, languages=("de",))],
        "- Geld zurück",
    ),
    ("one language of two became internal", [ENGLISH_OF_TWO, GERMAN, INTERNAL], ""),
    ("a title with a line break", [an_article(3, "Get\na refund")], "- Get a refund"),
]


@pytest.mark.parametrize(("heard", "reads"), [case[1:] for case in HEARD], ids=[case[0] for case in HEARD])
def test_only_articles_that_everybody_may_read_are_named_in_whatever_order_they_are_announced(
    heard: list[Message[Any]], reads: str
) -> None:
    for order in permutations(heard):
        desk = Desk()
        desk.hear(*order, *order)
        assert told(desk) == reads, [(message.type, message.data.article.version) for message in order]


LANGUAGES = [
    ("the requester's", {"language": "de"}, {}, "- Geld zurück\n  https://help.example.org/de/a/refunds"),
    ("a variety of it", {"language": "de-AT"}, {}, "- Geld zurück\n  https://help.example.org/de/a/refunds"),
    ("the ticket's", {}, {"language": "de"}, "- Geld zurück\n  https://help.example.org/de/a/refunds"),
    (
        "the requester's before the ticket's",
        {"language": "en"},
        {"language": "de"},
        "- Get a refund\n  https://help.example.org/en/a/refunds",
    ),
    (
        "the article's own, where it has no other",
        {"language": "fr"},
        {},
        "- Get a refund\n  https://help.example.org/en/a/refunds",
    ),
    ("nobody has said", {}, {}, "- Get a refund\n  https://help.example.org/en/a/refunds"),
]


@pytest.mark.parametrize(
    ("set_", "ticket", "reads"), [case[1:] for case in LANGUAGES], ids=[case[0] for case in LANGUAGES]
)
def test_titles_and_addresses_are_in_the_requesters_language(
    set_: dict[str, str], ticket: dict[str, str], reads: str
) -> None:
    desk = Desk(policy=Policy(article_url=URL))
    desk.hear(ENGLISH_OF_TWO, GERMAN)
    if set_:
        desk.hear(a_preferences_change(1, **set_))
    assert told(desk, a_suggestion("refunds", **ticket)) == reads


def test_unknown_ids_are_left_out_and_each_article_is_named_once_in_the_agents_order() -> None:
    desk = Desk()
    desk.hear(PUBLIC, an_article(1, "Log in", id="log-in"))
    assert told(desk, a_suggestion("gone", "log-in", "refunds", "log-in", "Ärger {id}")) == "- Log in\n- Get a refund"


def test_the_mail_and_the_channel_say_the_same() -> None:
    desk = Desk(policy=Policy(article_url=URL))
    desk.hear(a_contact_change(1), PUBLIC)
    reads = told(desk, a_suggestion("refunds", contact_version=1))
    assert reads == "- Get a refund\n  https://help.example.org/en/a/refunds"
    assert reads in desk.mail().text


def test_an_event_that_comes_again_changes_nothing() -> None:
    desk = Desk()
    desk.hear(PUBLIC)
    known = dict(desk.articles)
    desk.hear(PUBLIC)
    assert desk.articles == known


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_without_an_article_the_words_are_as_before(language: str) -> None:
    words = Templates()
    variants = words.variants("solution_suggested", [language])
    assert {"", "articles: no"} <= variants.keys()
    named, unnamed = variants[""].text, variants["articles: no"].text
    paragraphs = [each for each in named.split("\n\n") if each not in unnamed.split("\n\n")]
    assert len(paragraphs) == 2, "a sentence and the list"
    assert paragraphs[1] == "- Reset your password\n  https://help.example.org/en/recover-your-account"
    assert "\n\n\n" not in named + unnamed


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        (URL, True),
        ("http://127.0.0.1:8080/{id}", True),
        ("https://help.example.org/articles?of={id}&in={language}", True),
        ("https://help.example.org/{language}", False),
        ("https://help.example.org/{id}/{page}", False),
        ("help.example.org/{id}", False),
        ("javascript:alert({id})", False),
        ("https://help.example.org/a b/{id}", False),
        ("https://help.example.org/{id}" + "x" * 150, False),
    ],
)
def test_the_operator_says_where_articles_are(url: str, is_right: bool) -> None:
    assert is_article_url(url) == is_right
    environment = {**ENVIRONMENT, "CASEBUS_ARTICLE_URL": url}
    if is_right:
        assert read(NotificationSettings, environment).article_url == url
    else:
        with pytest.raises(WrongSettings, match=r"CASEBUS_ARTICLE_URL must be an address such as"):
            read(NotificationSettings, environment)
