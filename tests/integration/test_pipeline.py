"""Several commands in one go, on the real database: replies, what fails among them, and the connection after it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from bson.datetime_ms import DatetimeMS
from bson.errors import InvalidBSON
from pymongo.database import Database
from pymongo.errors import AutoReconnect, ConfigurationError, DocumentTooLarge, OperationFailure, WriteError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from deploy.local.stack import Stack
from services.chassis.database import DatabaseAway, Document, open_database, translate
from services.chassis.pipeline import Find, find, write


@pytest.fixture
def database(stack: Stack) -> Iterator[Database[Document]]:
    """With the collections `a` and `b`, and a single connection: what is left unread on it would be the next reply."""
    name = f"pipeline_{uuid.uuid4().hex[:8]}"
    opened = open_database(stack.database.url() + "&maxPoolSize=1", name, "tests")
    opened["a"].create_index("n", unique=True)
    opened["b"].create_index("n")
    yield opened
    opened.client.drop_database(name)
    opened.client.close()


def insert(collection: str, *documents: Document) -> Document:
    return {"insert": collection, "documents": list(documents)}


def in_transaction(database: Database[Document], *statements: Document) -> list[int]:
    with (
        database.client.start_session() as session,
        session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority")),
    ):
        return write(database, statements, session)


def test_each_query_gets_what_it_asked_for(database: Database[Document]) -> None:
    database["a"].insert_many([{"_id": n, "n": n, "odd": n % 2 == 1} for n in range(10)])
    database["b"].insert_one({"_id": "x"})
    found = find(
        database,
        Find("a", {"odd": True}, sort=[("n", -1)], limit=2),
        Find("b", {}),
        Find("b", {"_id": "nobody"}),
        Find("a", {"_id": 4}, projection={"n": 1}),
    )
    assert found == [
        [{"_id": 9, "n": 9, "odd": True}, {"_id": 7, "n": 7, "odd": True}],
        [{"_id": "x"}],
        [],
        [{"_id": 4, "n": 4}],
    ]
    assert find(database) == []


def test_more_than_a_reply_holds_is_all_found(database: Database[Document]) -> None:
    for n in range(5):
        database["a"].insert_one({"_id": n, "n": n, "text": "x" * 7_000_000})
    large, small = find(database, Find("a", {}, sort=[("n", 1)]), Find("b", {}))
    assert ([row["n"] for row in large], small) == ([0, 1, 2, 3, 4], [])


def test_statements_are_done_in_their_order(database: Database[Document]) -> None:
    delete = {"delete": "a", "deletes": [{"q": {"n": 1}, "limit": 0}, {"q": {"n": 7}, "limit": 0}]}
    counts = in_transaction(
        database, insert("a", {"n": 1}, {"n": 2}), delete, insert("a", {"n": 1}), insert("b", {"n": 1})
    )
    assert counts == [2, 1, 1, 1]
    assert (database["a"].count_documents({}), database["b"].count_documents({})) == (2, 1)


def test_one_that_fails_undoes_them_all_and_the_connection_goes_on(database: Database[Document]) -> None:
    database["a"].insert_one({"_id": "there", "n": 1})
    with pytest.raises(WriteError) as taken:
        in_transaction(database, insert("b", {"n": 1}), insert("a", {"n": 1}), insert("b", {"n": 2}))
    assert taken.value.code == 11000
    assert find(database, Find("b", {}), Find("a", {})) == [[], [{"_id": "there", "n": 1}]]
    assert in_transaction(database, insert("b", {"n": 3})) == [1]


def opened_too_early(database: Database[Document]) -> None:
    """The connection is as one that was opened while the server was starting."""
    with database.client._conn_for_writes(None, "test") as connection:
        connection.supports_sessions = False


def test_a_connection_from_before_the_server_was_a_member_is_replaced(database: Database[Document]) -> None:
    opened_too_early(database)
    with pytest.raises(AutoReconnect, match="member of its replica set"):
        in_transaction(database, insert("a", {"n": 1}))
    assert in_transaction(database, insert("a", {"n": 1})) == [1]


def test_such_a_connection_at_the_commit_counts_as_a_database_that_is_away(database: Database[Document]) -> None:
    with database.client.start_session() as session:
        session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority"))
        write(database, [insert("a", {"n": 1})], session)
        opened_too_early(database)
        with pytest.raises(ConfigurationError) as raised:
            session.commit_transaction()
    assert isinstance(translate(raised.value), DatabaseAway)


@pytest.mark.parametrize("beginning", ["", "a", "ab", "abc"])
def test_a_long_key_that_is_taken_is_said_so_in_any_script(database: Database[Document], beginning: str) -> None:
    # The error message holds the key, cut after a number of bytes: with one beginning or another, within a character.
    for letter in ("я", "字", "😀"):
        taken = {"_id": beginning + letter * 150, "n": beginning + letter}
        database["a"].insert_one(taken)
        with pytest.raises(WriteError) as error:
            in_transaction(database, insert("a", taken), insert("b", {"n": 1}))
        assert error.value.code == 11000
    assert find(database, Find("b", {})) == [[]]


def test_what_cannot_be_read_leaves_nothing_behind(database: Database[Document]) -> None:
    database["b"].insert_one({"_id": 1, "at": DatetimeMS(2**60)})
    with pytest.raises(InvalidBSON):
        find(database, Find("b", {}), Find("a", {}))
    assert find(database, Find("a", {}), Find("a", {"n": 1})) == [[], []]


def test_a_lost_race_is_a_transient_error(database: Database[Document]) -> None:
    with database.client.start_session() as other, other.start_transaction():
        write(database, [insert("a", {"n": 1})], other)
        with pytest.raises(OperationFailure) as lost:
            in_transaction(database, insert("b", {"n": 1}), insert("a", {"n": 1}), insert("b", {"n": 2}))
    assert lost.value.has_error_label("TransientTransactionError")
    assert find(database, Find("b", {})) == [[]]


def test_a_query_that_fails_leaves_nothing_behind(database: Database[Document]) -> None:
    with pytest.raises(OperationFailure, match="unknown operator"):
        find(database, Find("a", {}), Find("a", {"n": {"$nonsense": 1}}), Find("b", {}))
    database["b"].insert_one({"_id": 1})
    assert find(database, Find("b", {})) == [[{"_id": 1}]]


def test_what_is_too_large_is_not_sent(database: Database[Document]) -> None:
    with pytest.raises(DocumentTooLarge):
        in_transaction(database, insert("a", {"n": 1}), insert("a", {"n": 2, "text": "x" * 17_000_000}))
    assert find(database, Find("a", {})) == [[]]


def test_more_than_a_message_may_hold_is_not_sent(database: Database[Document]) -> None:
    # It would look like a database that is away, and a turn would wait for it forever.
    with pytest.raises(DocumentTooLarge):
        in_transaction(database, insert("b", *({"n": n, "text": "x" * 7_000_000} for n in range(7))))
    assert find(database, Find("b", {})) == [[]]
