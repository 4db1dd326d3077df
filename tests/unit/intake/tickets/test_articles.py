"""The ids of internal articles: agents see them in the history, requesters never."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import orjson
import pytest

import contracts
from services.chassis.decision import Decision
from tests.unit.intake.desk import Desk, Heard

EXAMPLE = Path(contracts.__file__).parent / "examples" / "event.article.published.json"
ARTICLE = orjson.loads(EXAMPLE.read_bytes())["data"]["article"]

News = tuple[str, int, str]
"""Type, version, audience."""

PUBLIC: News = ("article.published", 3, "public")
INTERNAL: News = ("article.published", 4, "internal")
PUBLIC_AGAIN: News = ("article.published", 5, "public")

HEARD: list[tuple[str, list[News], bool]] = [
    ("nothing", [], True),
    ("a public article", [PUBLIC], True),
    ("an internal article", [INTERNAL], False),
    ("it became internal", [PUBLIC, INTERNAL], False),
    ("it became public again", [PUBLIC, INTERNAL, PUBLIC_AGAIN], True),
    ("a public one was withdrawn", [PUBLIC, ("article.withdrawn", 4, "public")], True),
    ("an internal one was withdrawn", [INTERNAL, ("article.withdrawn", 5, "internal")], False),
    (
        "one was withdrawn and came back as internal",
        [PUBLIC, ("article.withdrawn", 4, "public"), ("article.published", 6, "internal")],
        False,
    ),
]


def hear(desk: Desk, news: News, id_: str = "vault", language: str = "en") -> Decision:
    type_, version, audience = news
    article = {**ARTICLE, "id": id_, "version": version, "audience": audience, "language": language}
    return desk.hear(type_, {"article": article}, "knowledge")


def suggested(desk: Desk, *articles: str) -> str:
    number = desk.opened(status="assigned")
    assert desk.agent("ticket.suggest_solution", number, articles=[*articles]).type == "command.accepted"
    return number


def named(heard: Heard) -> list[Any]:
    """The articles of the newest entry that is shown."""
    return [*heard.data["history"][-1]["articles"]]


@pytest.mark.parametrize(("heard", "is_shown"), [case[1:] for case in HEARD], ids=[case[0] for case in HEARD])
def test_a_requester_gets_no_id_of_an_internal_article_in_whatever_order_its_news_come(
    heard: list[News], is_shown: bool
) -> None:
    for order in permutations(heard):
        desk = Desk()
        number = suggested(desk, "vault", "zebra")
        for news in (*order, *order):
            for language in ("en", "de"):
                hear(desk, news, language=language)
        assert named(desk.view(number)) == (["vault", "zebra"] if is_shown else ["zebra"]), order
        assert named(desk.agent("ticket.view", number)) == ["vault", "zebra"], "agents see all"


def test_an_entry_that_names_internal_articles_alone_is_as_one_that_names_none() -> None:
    desk = Desk()
    hear(desk, INTERNAL)
    number = suggested(desk, "vault")
    desk.agent("ticket.suggest_solution", number)
    *_, of_internal, of_none = desk.view(number).data["history"]
    assert of_internal.keys() == of_none.keys()


@pytest.mark.parametrize("asked", [{"before": 4}, {"after": 2}])
def test_a_part_of_the_history_leaves_them_out_too(asked: dict[str, Any]) -> None:
    desk = Desk()
    hear(desk, INTERNAL)
    number = suggested(desk, "vault", "zebra")
    assert named(desk.requester("ticket.view", number, **asked)) == ["zebra"]


def test_news_that_come_again_change_nothing_and_are_not_remembered() -> None:
    desk = Desk()
    assert hear(desk, INTERNAL).changes
    again = hear(desk, INTERNAL)
    assert (again.changes, again.remember) == ((), False)
