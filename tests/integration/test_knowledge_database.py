"""Knowledge on the real database: what the queries find is what the rules asked for, writes conflict where they must,
and a shelf that follows the change stream ends equal to what is published."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import AutoReconnect, BulkWriteError, ServerSelectionTimeoutError

from contracts import registry
from contracts.payload import plain
from deploy.local.stack import Stack
from services.chassis.database import Conflict, DatabaseAway, Document, reaching_database
from services.chassis.decision import Decision, Message
from services.chassis.unit_of_work import Store, Work
from services.knowledge.documents import COLLECTIONS, document_of, published_of
from services.knowledge.domain.needs import Search
from services.knowledge.domain.state import View
from services.knowledge.domain.taken import decide
from services.knowledge.domain.values.article import Published
from services.knowledge.domain.values.counts import Tally
from services.knowledge.following import Following
from services.knowledge.operators import Operators
from services.knowledge.orphans import Orphans
from services.knowledge.popular import Popular
from services.knowledge.repository import INDEXES, Repository
from services.knowledge.search.synonyms import NO_SYNONYMS
from services.knowledge.shelf import Shelf
from services.knowledge.vain import Vain
from tests.integration.turn_stores import stores
from tests.unit.knowledge.base import AGENT, CHANNEL, EDITOR, MORNING, OPERATOR, Base, as_told
from tests.waiting import wait


def here(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """In the thread that asks: native threads are for the process that is green."""
    return [function(item) for item in items]


class Stored(Base):
    """A knowledge base whose turns read and write the database, beside the one in memory: both must say the same."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.popular = Popular(store.database, lambda: self.now)
        self.vain = Vain(store.database, lambda: self.now)
        self.repository = Repository(
            store.database, lambda: Operators(self.desk, NO_SYNONYMS), lambda: self.shelf, self.popular, self.vain, here
        )
        self.turns = 0

    def decided(self, message: Message[Any]) -> Decision:
        view = self.repository.load([message], self.now)
        stored = decide(view, message, self.now)
        expected = super().decided(message)
        assert plain_of(stored) == plain_of(expected)
        assert stored.changes == expected.changes
        for change in stored.changes:
            view.apply(change)
        self.commit(view)
        return expected

    def commit(self, view: View) -> None:
        """What the turn changed."""
        self.turns += 1
        self.store.commit(Work(f"turn-{self.turns}", self.now, writes=self.repository.writes(view)))


def plain_of(decision: Decision) -> Any:
    return as_told(decision) if decision.answer is not None else None, [plain(say.data) for say in decision.said]


@pytest.fixture
def store(stack: Stack) -> Iterator[Store]:
    with stores(stack, "knowledge", 1, INDEXES) as opened:
        yield opened[0]


def a_busy_day(base: Base) -> None:
    """Something of everything that editors, readers and intake do."""
    base.write("open", title="Parcels", body="Where is my [parcel](article:inside)?\n", related=["inside", "late"])
    base.later(minutes=1)
    base.write("inside", audience="internal", category="safety", title="Parcel fraud", body="For staff.\n")
    base.write("late", title="A late parcel", body="## When\n\nAfter 5 days.\n", keywords=["delay"], summary="5 days.")
    base.send("article.translate", article_id="late", language="de", title="Ein spätes Paket", body="Nach 5 Tagen.\n")
    base.publish("late")
    base.save("draft", sender=OPERATOR)
    base.save("open", body="Newer.\n")
    base.send("article.restore", article_id="open", version=1)
    base.send("article.move", article_id="late", category="billing")
    base.later(minutes=1)
    base.write("gone", title="Gone parcel")
    base.send("article.withdraw", article_id="gone", reason="Old.")
    for session in ("s1", "s1", "s2"):
        base.send("article.opened", CHANNEL, article_id="late", session=session, draft="f1")
    base.send("article.helped", CHANNEL, article_id="late", session="s1", helped=False, words="No.", draft="f2")
    base.send("article.helped", CHANNEL, article_id="late", session="s1", helped=True)
    picture: dict[str, Any] = {"article_id": "late", "upload": "u", "name": "clock.png", "parts": 2}
    for part, content in ((2, "AAAA"), (1, "iVBORw0KGgoAAAANSUhEUg==")):
        base.send("article.attach", **picture, part=part, content=content)
    base.send("draft.filed", "intake", channel=CHANNEL, draft="f2", at=base.now.isoformat())
    base.later(days=1)
    base.fire()


QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("article.search", {"words": "parcel"}),
    ("article.search", {"words": "fraud"}),
    ("article.search", {"words": "Paket", "language": "de", "category": "billing"}),
    ("article.suggest", {"words": "parc"}),
    ("article.suggest", {"words": "parc", "category": "safety"}),
    ("article.list", {"category": "desk"}),
    ("article.view", {"article_id": "open"}),
    ("article.view", {"article_id": "inside"}),
    ("article.view", {"article_id": "late", "language": "de"}),
    ("article.view", {"article_id": "draft"}),
    ("article.list", {}),
    ("article.list", {"sort": "most_viewed", "language": "de"}),
    ("article.list", {"ids": ["late", "inside", "open"]}),
    ("article.list", {"changed_since": "2026-03-01T00:00:00Z"}),
    ("article.list", {"changed_since": "2026-03-02T09:00:30Z", "category": "billing"}),
    ("article.categories", {}),
    ("article.download", {"article_id": "open", "name": "x"}),
    ("article.download", {"article_id": "late", "name": "clock.png", "part": 2}),
]
OF_EDITORS: list[tuple[str, dict[str, Any]]] = [
    ("article.view", {"article_id": "open", "draft": True}),
    ("article.view", {"article_id": "open", "version": 3}),
    ("article.list", {"state": "draft"}),
    ("article.list", {"state": "published", "category": "billing"}),
    ("article.list", {"state": "withdrawn"}),
    ("article.versions", {"article_id": "open"}),
]


def test_the_queries_find_what_the_rules_ask_for(store: Store) -> None:
    base = Stored(store)
    a_busy_day(base)
    for sender in (CHANNEL, AGENT, EDITOR):
        for type_, data in QUESTIONS:
            base.send(type_, sender, **data)
    for type_, data in OF_EDITORS:
        base.send(type_, EDITOR, **data)
    for kind, collection in COLLECTIONS.items():
        stored = sorted(store.database[collection].find(), key=lambda row: row["_id"])
        kept = sorted((document_of(value) for value in base.state.all_of(kind).values()), key=lambda row: row["_id"])
        assert stored == kept, collection


def test_a_channels_queries_use_an_index_that_has_the_audience(store: Store) -> None:
    Stored(store).write("inside", audience="internal")
    seen = {"article": {"$in": ["inside"]}, "audience": {"$in": ["public"]}, "live": True}
    plan = store.database.command("explain", {"find": "published", "filter": seen}, verbosity="executionStats")
    assert plan["executionStats"]["totalDocsExamined"] == 0


def test_what_was_viewed_most_is_summed_up_over_30_days(store: Store) -> None:
    base = Stored(store)
    base.write("a")
    base.write("b")
    base.send("article.opened", CHANNEL, article_id="a", session="s")
    base.later(days=30)
    for session in ("s1", "s2"):
        base.send("article.opened", CHANNEL, article_id="b", session=session)
    base.popular.sum_up()
    assert base.popular.viewed == {"b": 2}
    base.now = MORNING
    base.popular.sum_up()
    assert base.popular.viewed == {"a": 1, "b": 2}


def test_searches_in_vain_are_written_with_how_often(store: Store) -> None:
    base = Stored(store)
    base.write("a", title="Parcels")
    for words, sender in (("Zebra", CHANNEL), ("zebra ", CHANNEL), ("zebra", AGENT), ("parcel", CHANNEL)):
        base.send("article.search", sender, words=words)
    base.send("article.suggest", CHANNEL, words="zebra")
    base.send("article.search", CHANNEL, words="zebra", page=2)
    base.vain.write()
    base.send("article.search", CHANNEL, words="ZEBRA")
    base.vain.write()
    base.vain.write()
    (row,) = store.database["vain"].find()
    assert (row["words"], row["count"], row["language"], row["day"]) == ("zebra", 3, "", "2026-03-02")


def test_each_of_two_who_search_at_once_in_vain_counts(store: Store) -> None:
    base = Stored(store)
    asked = [base.message("article.search", sender, words="zebra") for sender in (CHANNEL, CHANNEL, AGENT)]
    base.repository.load(asked, base.now)
    base.vain.write()
    assert counts_of(store.database) == {"zebra": 2}


def test_a_search_in_vain_that_is_not_answered_does_not_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked asks again."""
    base = Stored(store)

    def away(*_: Any) -> None:
        raise DatabaseAway("AutoReconnect")

    asked = base.message("article.search", CHANNEL, words="zebra")
    with monkeypatch.context() as patched:
        patched.setattr(base.repository, "_read_shown", lambda known, _: away() if known.read else None)
        with pytest.raises(DatabaseAway):
            base.repository.load([asked], base.now)
    base.repository.load([asked], base.now)
    base.vain.write()
    assert counts_of(store.database) == {"zebra": 1}


def counts_of(database: Database[Document]) -> dict[str, int]:
    return {row["words"]: row["count"] for row in database["vain"].find()}


def test_a_write_that_failed_in_part_counts_nothing_twice_and_loses_nothing(store: Store) -> None:
    vain = Vain(store.database, lambda: MORNING)
    store.database.command("collMod", "vain", validator={"words": {"$ne": "unwelcome"}})
    for words in ("zebra", "unwelcome", "zebra", "gnu"):
        vain.note(words, None)
    with pytest.raises(BulkWriteError):
        vain.write()
    assert counts_of(store.database) == {"zebra": 2, "gnu": 1}
    store.database.command("collMod", "vain", validator={})
    vain.note("zebra", None)
    vain.write()
    assert counts_of(store.database) == {"zebra": 3, "gnu": 1, "unwelcome": 1}


def test_words_that_another_instance_stored_first_are_counted_the_next_time(store: Store) -> None:
    vain = Vain(store.database, lambda: MORNING)
    store.database["vain"].create_index("words", unique=True, name="one")
    store.database["vain"].insert_one({"_id": "of another instance", "words": "zebra", "count": 0})
    for words in ("zebra", "gnu"):
        vain.note(words, None)
    with pytest.raises(Conflict), reaching_database():  # so the chore is repeated, and the process goes on
        vain.write()
    store.database["vain"].delete_one({"_id": "of another instance"})
    vain.write()
    store.database["vain"].drop_index("one")
    assert counts_of(store.database) == {"zebra": 1, "gnu": 1}


def test_what_was_never_sent_is_written_later(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    vain = Vain(store.database, lambda: MORNING)
    vain.note("zebra", None)
    away: MongoClient[Document] = MongoClient("127.0.0.1:1", serverSelectionTimeoutMS=1)
    with away, monkeypatch.context() as patched:
        patched.setattr(vain, "_stored", away["nowhere"]["vain"])
        with pytest.raises(ServerSelectionTimeoutError):
            vain.write()
    vain.write()
    assert counts_of(store.database) == {"zebra": 1}


def test_what_is_held_while_the_clock_cannot_be_read_is_written_later(store: Store) -> None:
    """The database's clock is read first: it is what fails while the database is away."""
    away = iter([DatabaseAway("AutoReconnect")])

    def now() -> datetime:
        for error in away:
            raise error
        return MORNING

    vain = Vain(store.database, now)
    vain.note("zebra", None)
    with pytest.raises(DatabaseAway):
        vain.write()
    vain.write()
    assert counts_of(store.database) == {"zebra": 1}


def test_a_write_whose_answer_is_lost_counts_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    vain = Vain(store.database, lambda: MORNING)
    vain.note("zebra", None)

    class Deaf:
        def bulk_write(self, *given: Any, **options: Any) -> None:
            store.database["vain"].bulk_write(*given, **options)
            raise AutoReconnect("connection closed")

    with monkeypatch.context() as patched:
        patched.setattr(vain, "_stored", Deaf())
        with pytest.raises(AutoReconnect):
            vain.write()
    vain.write()
    assert counts_of(store.database) == {"zebra": 1}


def test_what_no_article_has_is_swept_after_a_day(store: Store) -> None:
    base = Stored(store)
    base.write("a")
    part: dict[str, Any] = {"article_id": "a", "part": 1, "content": "iVBORw0KGgoAAAANSUhEUg=="}
    orphans = Orphans(store.database, lambda: base.now)
    for upload, name, parts in (("u1", "kept.png", 1), ("u2", "gone.png", 1), ("u3", "half.png", 2)):
        base.send("article.attach", **part, upload=upload, name=name, parts=parts)
    base.send("article.detach", article_id="a", name="gone.png")
    base.later(hours=23)
    orphans.sweep()
    assert store.database["parts"].count_documents({}) == 3
    base.later(hours=2)
    orphans.sweep()
    (row,) = store.database["parts"].find()
    assert row["file"] == base.article("a").files[0].id


def test_two_turns_that_count_the_same_article_conflict(stack: Stack) -> None:
    with stores(stack, "knowledge", 2, INDEXES) as opened:
        first_base, second_base = map(Stored, opened)
        first_base.write("a")
        second_base.shelf = first_base.shelf

        def opening(base: Stored, session: str) -> View:
            data = {"article_id": "a", "session": session}
            message = message_of("article.opened", session, data)
            view = base.repository.load([message], base.now)
            for change in decide(view, message, base.now).changes:
                view.apply(change)
            return view

        first, second = opening(first_base, "s1"), opening(second_base, "s2")
        first_base.commit(first)
        second_base.turns = 100
        with pytest.raises(Conflict):
            second_base.commit(second)
        second_base.commit(opening(second_base, "s2"))
        tally = opening(second_base, "s2").of(Tally, "a/2026-03-02")
        assert tally is not None
        assert tally.viewed == 2


def message_of(type_: str, id_: str, data: dict[str, Any]) -> Message[Any]:
    return Message(id_, type_, CHANNEL, registry.TYPES["command", type_].schema.load(data))


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """While another thread does this. Raises what it raised."""
    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work)
        yield
        working.result()


def until(holds: Callable[[], bool], patience: float = 20.0) -> Callable[[], bool]:
    """For `follow`: stop once it holds."""
    end = time.monotonic() + patience

    def stopping() -> bool:
        assert time.monotonic() < end, "it never came to that"
        return holds()

    return stopping


def texts_of(shelf: Shelf) -> dict[str, Any]:
    """What a search of everything finds, and every list."""
    everything = shelf.search(Search("parcel", None, None, False, 0, 1000, True), "en", NO_SYNONYMS)
    return {"heads": shelf._heads, "found": [(hit.article, hit.language) for hit in everything.hits]}


def live_in(database: Database[Document]) -> int:
    return database["published"].count_documents({"live": True})


def test_a_shelf_follows_what_is_published(store: Store) -> None:
    base = Stored(store)
    base.write("before", title="parcel")
    following = Following(store.database)
    assert following.problem() == "the index is not whole yet (0 texts so far)"
    found_after: list[float] = []

    def publish() -> None:
        wait(lambda: following.problem() is None, "a whole index")
        assert len(following.shelf) == 1
        for number in range(5):
            base.write(f"a{number}", title="parcel")
            began = time.monotonic()
            wait(lambda: len(following.shelf), "the text on the shelf", (number + 2).__eq__, every=0.005)
            found_after.append(time.monotonic() - began)
        base.send("article.withdraw", article_id="a0")
        base.send("article.move", article_id="a1", audience="internal")

    with beside(publish):
        following.follow(until(lambda: len(following.shelf) == 5 and "a1" not in following.shelf._heads[False]))
    assert max(found_after) < 1.0
    rebuilt = Following(store.database)
    rebuilt.follow(until(lambda: rebuilt.problem() is None))
    assert texts_of(rebuilt.shelf) == texts_of(following.shelf)


def test_what_changed_while_nobody_followed_is_caught_up_with(store: Store) -> None:
    base = Stored(store)
    base.write("a", title="parcel")
    following = Following(store.database)
    following.follow(until(lambda: following.problem() is None))
    following.follow(until(lambda: following._token is not None))
    whole = following.shelf
    base.write("b", title="parcel")
    base.send("article.withdraw", article_id="a")
    following.follow(until(lambda: set(following.shelf._heads[True]) == {"b"}))
    assert following.shelf is whole, "the stream went on where it was"


def test_a_stream_that_cannot_go_on_makes_a_new_shelf_beside_the_old(store: Store) -> None:
    base = Stored(store)
    base.write("a", title="parcel")
    following = Following(store.database)
    following.follow(until(lambda: following._token is not None))
    whole = following.shelf
    following._token = {"_data": "82" + "0" * 60}
    base.write("b", title="parcel")
    seen: list[int] = []

    def both() -> bool:
        seen.append(len(following.shelf))
        assert following.problem() is None, "the old shelf answers meanwhile"
        return len(following.shelf) == 2

    following.follow(until(both))
    assert following.shelf is not whole
    assert seen[0] == 1


def test_a_collection_that_is_gone_empties_the_shelf(store: Store) -> None:
    base = Stored(store)
    base.write("a", title="parcel")
    following = Following(store.database)

    def drop() -> None:
        wait(lambda: following._token is not None and len(following.shelf) == 1, "a whole index")
        store.database["published"].drop()

    with beside(drop):
        following.follow(
            until(lambda: following.problem() is None and following._token is not None and not len(following.shelf))
        )


def test_an_older_version_of_a_text_that_the_stream_brings_late_is_overtaken(store: Store) -> None:
    """What was read may be newer than what the stream brings first: it brings the newer too."""
    base = Stored(store)
    base.write("a", title="parcel")
    following = Following(store.database)
    following.follow(until(lambda: following._token is not None))
    for number in range(20):
        base.save("a", title=f"parcel {number}")
        base.publish("a")
    following.follow(until(lambda: following.shelf._heads[True]["a"][0].title == "parcel 19"))
    (stored,) = store.database["published"].find()
    assert published_of(stored).head == following.shelf._heads[True]["a"][0]
    assert live_in(store.database) == 1
    assert isinstance(published_of(stored), Published)
