"""`casebus articles import --publish` ends when the articles are found: its rounds against a knowledge base in memory,
whose shelf is behind."""

from __future__ import annotations

from typing import Any, cast

import pytest

from contracts.envelope import Event
from contracts.outcomes import Rejected
from contracts.payload import Payload, plain
from deploy.cli.articles import importing
from deploy.cli.articles.importing import Done, not_found
from deploy.trouble import Trouble
from services.client.blocking import Client
from services.client.core import Outcome
from services.knowledge.shelf import Shelf
from tests.unit.knowledge.base import MORNING, OPERATOR, Base


class Behind:
    """Answers the operator's questions; the shelf comes after some of them."""

    def __init__(self, base: Base, after: int) -> None:
        self.asked = 0
        self._base, self._after, self._whole = base, after, base.shelf
        base.shelf = Shelf()

    def ask(self, type_: str, data: Payload) -> Outcome:
        if self.asked == self._after:
            self._base.shelf = self._whole
        self.asked += 1
        answer = self._base.send(type_, OPERATOR, **plain(data)).answer
        assert answer is not None
        return Outcome(Event("o1", answer.type, "/services/knowledge", MORNING, plain(answer.data)), b"", "outcome")


def waited(desk: Any, *brought: Done) -> list[str]:
    return not_found(cast(Client, desk), brought)


def a_base() -> Base:
    base = Base()
    base.write("public")
    base.write("inside", audience="internal")
    base.send("article.translate", article_id="public", language="de", title="Wann?", body="Nach 7 Tagen.\n")
    base.publish("public")
    return base


BROUGHT = Done("public", "", languages=["de", "en"]), Done("inside", "", languages=["en"])


def test_an_import_waits_until_the_index_has_all_texts_for_staff_too() -> None:
    desk = Behind(a_base(), after=4)
    assert waited(desk, *BROUGHT) == []
    assert desk.asked == 6, "two rounds in vain, one that finds them: a list for each language"


def test_what_is_not_found_in_time_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "FOUND_WITHIN", -1.0)
    assert waited(Behind(a_base(), after=1_000), *BROUGHT) == ["inside", "public"]
    german = Behind(a_base(), after=0)
    assert waited(german, Done("public", "", languages=["de"]), Done("inside", "", languages=["de"])) == ["inside"]


def test_it_looks_at_no_more_pages_once_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "FOUND_WITHIN", -1.0)
    base = Base()
    for number in range(25):
        base.write(f"a{number}")
    desk = Behind(base, after=0)
    assert waited(desk, Done("withdrawn", "", languages=["en"])) == ["withdrawn"]
    assert desk.asked == 1, "there are two pages"


def test_a_refused_article_and_one_without_a_published_text_are_not_waited_for() -> None:
    desk = Behind(a_base(), after=1_000)
    assert waited(desk, Done("refused", "", "There is no category desks."), Done("draft", "")) == []
    assert desk.asked == 0


def test_it_looks_on_all_pages_and_again_if_a_shorter_list_answers() -> None:
    base = Base()
    for number in range(25):
        base.write(f"a{number}")
        base.later(minutes=1)
    assert waited(Behind(base, after=0), Done("a0", "", languages=["en"])) == []

    class Shorter(Behind):
        """The second question goes to an instance whose shelf is empty."""

        def ask(self, type_: str, data: Payload) -> Outcome:
            self._base.shelf = Shelf() if self.asked == 1 else self._whole
            return super().ask(type_, data)

    desk = Shorter(base, after=0)
    assert waited(desk, Done("a0", "", languages=["en"])) == []
    assert desk.asked == 4


def test_a_desk_that_refuses_the_question_says_why() -> None:
    class Refusing(Behind):
        """A knowledge base to which the operator may ask nothing."""

        def ask(self, type_: str, data: Payload) -> Outcome:
            refused = plain(Rejected(code="forbidden", message="Only staff may ask for that.", errors={}))
            return Outcome(Event("o1", "command.rejected", "/services/knowledge", MORNING, refused), b"", "outcome")

    with pytest.raises(Trouble, match=r"^Only staff may ask for that\.$"):
        waited(Refusing(a_base(), after=0), *BROUGHT)
