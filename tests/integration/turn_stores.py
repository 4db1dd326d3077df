"""The chassis's store on the real database, as one or several instances of a service have it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pymongo import IndexModel

from deploy.local.stack import Stack
from services.chassis.database import open_database
from services.chassis.unit_of_work import Store


@contextmanager
def stores(
    stack: Stack, service: str, instances: int, indexes: Mapping[str, Sequence[IndexModel]]
) -> Iterator[list[Store]]:
    """This many stores of one new database, each with a client of its own, prepared with `indexes`.

    The database forgets nothing by itself: for its clock, what the tests' clocks write is long past.
    """
    name = f"turn_{uuid.uuid4().hex[:8]}"
    databases = [open_database(stack.database.url(), name, "tests") for _ in range(instances)]
    opened = [Store(database, service) for database in databases]
    opened[0].prepare(indexes)
    for collection in map(databases[0].get_collection, databases[0].list_collection_names()):
        for name_of_index, index in collection.index_information().items():
            if "expireAfterSeconds" in index:
                collection.drop_index(name_of_index)
    yield opened
    databases[0].client.drop_database(name)
    for database in databases:
        database.client.close()
