"""How the shelf is kept equal to what is published, and what the errors of a stream do. (With a real database:
tests/integration/test_knowledge_database.py.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from services.knowledge import following
from services.knowledge.documents import document_of
from services.knowledge.following import Following
from tests.unit.knowledge.test_shelf import a_text

ENDS: dict[str, Any] = {}

Step = dict[str, Any] | Exception | None
"""A change, an error, nothing (None), or nothing from now on (`ENDS`)."""


class Stream:
    """A change stream that brings these, then nothing more."""

    def __init__(self, steps: list[Step], seen: list[str]) -> None:
        self.steps = steps
        self.alive = True
        self.seen = seen
        self.resume_token: Any = "start"

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.seen.append("closed")

    def try_next(self) -> dict[str, Any] | None:
        step = self.steps.pop(0) if self.steps else None
        if isinstance(step, Exception):
            raise step
        if step is ENDS:
            self.alive = False
            return None
        if step is not None:
            self.resume_token = step["_id"]
        return step


class Collection:
    """`published`: what is there, and the streams that are opened, one after the other."""

    def __init__(self, *streams: list[Step] | Exception) -> None:
        self.documents: list[dict[str, Any]] = []
        self.seen: list[str] = []
        self._streams = list(streams)

    def watch(self, pipeline: Any, resume_after: Any, max_await_time_ms: int) -> Stream:
        self.seen.append(f"opened after {resume_after}")
        stream = self._streams.pop(0) if self._streams else []
        if isinstance(stream, Exception):
            raise stream
        return Stream(stream, self.seen)

    def find(self, condition: dict[str, Any], projection: dict[str, int], batch_size: int) -> Iterator[dict[str, Any]]:
        self.seen.append("read")
        yield from [each for each in self.documents if each["live"]]


def follows(collection: Collection) -> Following:
    return Following({"published": collection})  # type: ignore[arg-type]


def brings(article: str, token: str, **more: Any) -> dict[str, Any]:
    return {"_id": token, "operationType": "insert", "fullDocument": document_of(a_text(article, **more))}


def until(found: Following, articles: set[str]) -> Callable[[], bool]:
    looks = iter(range(200))

    def stopping() -> bool:
        next(looks)
        return found.problem() is None and set(found.shelf._heads[True]) == articles

    return stopping


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "AGAIN", 0.0)


def test_the_stream_is_opened_before_anything_is_read() -> None:
    collection = Collection([brings("b", "1")])
    collection.documents = [document_of(a_text("a")), document_of(a_text("gone", live=False))]
    found = follows(collection)
    assert found.problem() == "the index is not whole yet (0 texts so far)"
    found.follow(until(found, {"a", "b"}))
    assert collection.seen == ["opened after None", "read", "closed"]


def test_after_a_break_the_stream_goes_on_where_it_was() -> None:
    collection = Collection([brings("a", "1"), None, AutoReconnect("cut"), None], [brings("b", "2")])
    found = follows(collection)
    found.follow(until(found, {"a", "b"}))
    assert collection.seen == ["opened after None", "read", "closed", "opened after 1", "closed"]


def test_while_the_database_is_away_it_tries_again() -> None:
    collection = Collection(AutoReconnect("away"), AutoReconnect("away"), [brings("a", "1")])
    found = follows(collection)
    found.follow(until(found, {"a"}))
    assert collection.seen[:3] == ["opened after None"] * 3


@pytest.mark.parametrize("error", [OperationFailure("history lost", 286), OperationFailure("no token", 260)])
def test_a_stream_that_cannot_go_on_is_opened_again_beside_a_new_shelf(error: OperationFailure) -> None:
    collection = Collection([brings("a", "1"), None, AutoReconnect("cut")], error, [brings("c", "3")])
    found = follows(collection)
    whole = found.shelf
    seen: list[set[str]] = []
    stops = until(found, {"b", "c"})

    def stopping() -> bool:
        if found.problem() is None:
            seen.append(set(found.shelf._heads[True]))
            collection.documents = [document_of(a_text("b"))]
        return stops()

    found.follow(stopping)
    assert found.shelf is not whole
    assert collection.seen == [
        *("opened after None", "read", "closed", "opened after 1"),
        *("opened after None", "read", "closed"),
    ]
    assert all(each in ({"a"}, {"b"}, {"b", "c"}, set()) for each in seen), "the old shelf answered meanwhile"
    assert {"a"} in seen


@pytest.mark.parametrize("what", ["drop", "rename", "invalidate"])
def test_what_happens_to_the_collection_makes_a_new_shelf(what: str) -> None:
    collection = Collection([brings("a", "1"), None, {"_id": "2", "operationType": what}], [brings("b", "3")])
    found = follows(collection)
    found.follow(until(found, {"b"}))
    assert collection.seen.count("read") == 2


def test_a_stream_that_has_ended_makes_a_new_shelf() -> None:
    collection = Collection([brings("a", "1"), ENDS], [brings("b", "2")])
    found = follows(collection)
    found.follow(until(found, {"b"}))
    assert collection.seen == [*("opened after None", "read", "closed"), *("opened after None", "read", "closed")]


def test_an_error_of_the_engine_is_raised() -> None:
    collection = Collection([{"_id": "1", "operationType": "insert", "fullDocument": {"_id": "a/en"}}])
    with pytest.raises(TypeError):
        follows(collection).follow(lambda: False)


def test_a_text_that_is_withdrawn_leaves_the_shelf() -> None:
    collection = Collection([brings("a", "1"), brings("b", "2"), None, brings("a", "3", version=2, live=False)])
    found = follows(collection)
    found.follow(until(found, {"b"}))
    assert len(found.shelf) == 1
