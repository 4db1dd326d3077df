"""Sends several commands to MongoDB together: all are written to the socket at once, and their replies are read after
that.

pymongo waits for each reply before it sends the next command, and that was most of a small turn's time. This is the
ONLY file that touches pymongo's internals; connections, sessions and errors remain pymongo's. MongoDB handles the
commands of a connection in order. See docs/decisions/0010.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.command_cursor import CommandCursor
from pymongo.database import Database
from pymongo.errors import AutoReconnect, DocumentTooLarge, WriteError
from pymongo.helpers_shared import _check_command_response
from pymongo.message import _op_msg
from pymongo.read_preferences import ReadPreference

from contracts.values import dataclass
from services.chassis.database import Document

FIRST_BATCH = 100_000
"""Documents in the first reply, which 16 MiB also limit; the rest is asked for query by query."""


@dataclass(frozen=True, slots=True)
class Find:
    """A query: what `Collection.find` takes. `limit` 0 means no limit."""

    collection: str
    filter: Mapping[str, Any]
    sort: Sequence[tuple[str, int]] = ()
    limit: int = 0
    projection: Mapping[str, Any] = field(default_factory=dict)
    collation: Mapping[str, Any] = field(default_factory=dict)


def find(database: Database[Document], *queries: Find) -> list[list[Document]]:
    """What each of these queries finds, asked in this order, with the database's read concern.

    Raises what pymongo raises; if several queries fail, the error of the first.
    """
    commands = [_find_command(query, database.read_concern.document) for query in queries]
    replies, address = _run(database, commands, None)
    return [
        list(CommandCursor(database[query.collection], reply["cursor"], address))
        if reply["cursor"]["id"]
        else reply["cursor"]["firstBatch"]
        for query, reply in zip(queries, replies, strict=True)
    ]


def write(database: Database[Document], statements: Sequence[Document], session: ClientSession) -> list[int]:
    """How many documents each of these `insert` and `delete` commands added or removed, in the session's transaction.

    A command that fails ends the transaction, and all that follow fail too. Raises what pymongo raises, for the first.
    """
    replies, _ = _run(database, statements, session)
    return [reply["n"] for reply in replies]


def _find_command(query: Find, read_concern: Mapping[str, Any]) -> Document:
    command: Document = {"find": query.collection, "filter": query.filter, "batchSize": FIRST_BATCH}
    if query.sort:
        command["sort"] = dict(query.sort)
    if query.limit:
        command["limit"] = query.limit
    if query.projection:
        command["projection"] = query.projection
    if query.collation:
        command["collation"] = query.collation
    return {**command, "readConcern": read_concern}


def _run(
    database: Database[Document], commands: Sequence[Document], session: ClientSession | None
) -> tuple[list[Document], Any]:
    """The replies to these commands, and the address of the server that gave them."""
    if not commands:
        return [], None
    client, options = database.client, database.codec_options
    if session is not None:
        # When MongoDB reports a duplicate, it cuts a long key wherever the limit falls, also within a character.
        options = options.with_options(unicode_decode_error_handler="replace")
    messages, ids, largest = [], [], 0
    with client._conn_for_writes(session, "pipeline") as connection:
        if session is not None and not connection.supports_sessions:
            # It was opened while the server was starting, and never learns better; for this error pymongo drops it.
            raise AutoReconnect("the connection is from before the server was a member of its replica set")
        connection.apply_timeout(client, None)
        for command in commands:
            if session is not None:
                session._apply_to(command, False, ReadPreference.PRIMARY, connection)
            connection.add_server_api(command)
            connection.send_cluster_time(command, session, client)
            id_, message, _, size = _op_msg(0, command, database.name, None, options)
            messages.append(message)
            ids.append(id_)
            largest = max(largest, size)
        if any(len(message) > connection.max_message_size for message in messages):
            # MongoDB would end the connection because of it, which looks like a database that is away.
            raise DocumentTooLarge(f"a statement is larger than {connection.max_message_size} bytes")
        connection.send_message(b"".join(messages), largest)
        # Read all replies before looking at any, also after one that failed: the connection goes back to the pool.
        received = [connection.receive_message(id_) for id_ in ids]
        replies = [message.unpack_response(codec_options=options)[0] for message in received]
        for reply in replies:
            client._process_response(reply, session)
            _check_command_response(reply, connection.max_wire_version)
            for error in reply.get("writeErrors", ()):
                raise WriteError(error.get("errmsg", ""), error["code"], error)
    return replies, connection.address
