"""What the command line reads from the databases to show it: one ticket, any part of its history, its files."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo import MongoClient

from deploy.cli.desk import Desk as Books
from deploy.local.desk import Desk
from deploy.settings import Settings
from deploy.trouble import Trouble


def test_any_page_of_a_history_is_had(desk: Desk) -> None:
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        intake = client[f"{desk.db_prefix}_intake"]
        intake.entries.insert_many(
            {"_id": f"e{n}", "ticket_id": "t", "version": n, "details": {}} for n in range(1, 251)
        )
        intake.entries.insert_one({"_id": "x", "ticket_id": "another", "version": 1})
        intake.attachments.insert_one({"_id": "r1", "state": "infected", "key": "secret"})
    ticket = {"_id": "t", "version": 250}
    where = {"DB_PREFIX": desk.db_prefix, "MONGO": desk.operator_mongo_url}
    with Books(Settings(where, None)) as books:
        pages = [books.history(ticket, page, 100) for page in (1, 2, 3)]
        versions = [[entry["version"] for entry in part.entries] for part in pages]
        assert versions == [[*range(1, 101)], [*range(101, 201)], [*range(201, 251)]]
        assert {(part.pages, part.total) for part in pages} == {(3, 250)}
        newest = books.history(ticket, None, 100)
        assert [entry["version"] for entry in newest.entries] == [1, *range(152, 251)]
        assert len(books.history({**ticket, "version": 100}, None, 100).entries) == 100
        with pytest.raises(Trouble, match="There is no page 4; the last is 3"):
            books.history(ticket, 4, 100)
        named: list[dict[str, Any]] = [
            {"details": {"attachments": [{"ref": "r1"}, {"ref": "gone"}]}},
            {"details": {}},
            {},
        ]
        assert books.files(named) == {"r1": {"_id": "r1", "state": "infected"}}
