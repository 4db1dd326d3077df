"""What broker and database can give to one Python process: intake's writes and publishes, and nothing else.

The same documents in the same collections with the same indexes, one transaction a turn of up to 200 submissions, the
outgoing store and its clearing, the same confirmed mandatory publishes, one acknowledgement a turn. No schemas, no
rules, no reads (whose ticket it is stands in memory), no service framework; publishing has a thread of its own, so
that it overlaps the next transaction, as intake's does. Frames are built and read by the chassis's code, the fastest
there is. Run by `make bench` as `python -m tests.bench.limit`, settings in the environment.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import uuid
from collections import deque
from datetime import UTC, datetime
from typing import Any

import orjson
from pymongo import MongoClient
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from contracts.topology import CHANNELS, EVENTS
from services.chassis.amqp_connection import connect
from services.chassis.database import Document
from services.chassis.outgoing import Outgoing
from services.chassis.publisher import Publisher

TURN = 200
PREFETCH = 2 * TURN

NOT_SHOWN = {"_id", "person", "links", "open_key", "key", "opening", "history_size"}


def dumps(value: Any) -> bytes:
    """JSON as the wire has it."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


class Batch:
    """The documents and messages of one turn."""

    def __init__(self, tickets: dict[str, Document]) -> None:
        self.turn = uuid.uuid4().hex
        self.now = datetime.now(UTC)
        self.known = tickets
        self.opened: dict[str, Document] = {}
        self.noted: dict[str, Document] = {}
        self.entries: list[Document] = []
        self.handled: list[Document] = []
        self.outgoing: list[Outgoing] = []

    def add(self, submission: Document) -> None:
        """One submission: a ticket, or a note on the requester's."""
        data, person = submission["data"], f"account:{submission['data']['requester']['account_id']}"
        ticket = self.known.get(person)
        if ticket is None:
            event, outcome = "ticket.opened", "ticket.opened"
            self.known[person] = self.opened[person] = ticket = self._ticket(person, data)
        else:
            event, outcome = "ticket.note_added", "ticket.duplicate"
            if person not in self.opened:
                self.noted[person] = ticket
            ticket["version"] += 1
            ticket["last_customer_message_at"] = self.now
        author = {
            "kind": "requester",
            "id": data["requester"]["account_id"],
            "display_name": ticket["requester"]["display_name"],
        }
        shown = {
            "id": uuid.uuid4().hex,
            "kind": event.removeprefix("ticket."),
            "author": author,
            "visibility": "public",
            "text": data["body"],
            "attachments": [],
            "at": self.now,
        }
        self.entries.append(
            {
                "ticket_id": ticket["_id"],
                "version": ticket["version"],
                "kind": shown["kind"],
                "author": author,
                "visibility": "public",
                "text": data["body"],
                "at": self.now,
                "offset": ticket["history_size"],
                "details": {},
                "_id": shown["id"],
            }
        )
        ticket["history_size"] += 300
        snapshot = {"id": ticket["_id"], **{name: value for name, value in ticket.items() if name not in NOT_SHOWN}}
        self._say(EVENTS, event, event, submission["id"], {"ticket": snapshot, "entry": shown}, ticket["number"])
        answer = self._say(
            CHANNELS, f"web.{outcome}", outcome, submission["id"], {"ticket": snapshot}, ticket["number"]
        )
        self.handled.append(
            {
                "_id": f"intake\x1fweb\x1f{submission['id']}",
                "at": self.now,
                "turn": self.turn,
                "type": outcome,
                "answer": answer.message_id,
                "body": answer.body,
            }
        )

    def _ticket(self, person: str, data: Document) -> Document:
        id_ = uuid.uuid4().hex
        requester = data["requester"]
        return {
            "number": f"{len(self.known) + 10_000_001:08}",
            "version": 1,
            "status": "new",
            "status_since": self.now,
            "status_version": 1,
            "assignment_seq": 0,
            "contact_version": 0,
            "category": data["category"],
            "subcategory": None,
            "priority": 3,
            "escalated": False,
            "requester": {
                "id": requester["account_id"],
                "kind": "account",
                "display_name": requester["display_name"],
                "tier": requester["tier"],
            },
            "channel": "web",
            "subject": data["subject"],
            "issue_key": None,
            "language": None,
            "agent": None,
            "opened_at": self.now,
            "first_agent_message_at": None,
            "last_agent_message_at": None,
            "last_customer_message_at": self.now,
            "closed_at": None,
            "close_reason": None,
            "reopen_count": 0,
            "key": f"{data['category']}||{data['subject']}",
            "opening": f"{data['subject']} {data['body']}"[:300],
            "history_size": 0,
            "_id": id_,
            "person": person,
            "links": [],
            "open_key": f"{data['category']}||{data['subject']}",
        }

    def _say(self, exchange: str, key: str, type_: str, cause: str, data: Document, number: str) -> Outgoing:
        id_ = uuid.uuid4().hex
        body = dumps(
            {
                "specversion": "1.0",
                "id": id_,
                "type": type_,
                "source": "/services/intake",
                "time": self.now,
                "subject": number,
                "causationid": cause,
                "correlationid": cause,
                "data": data,
            }
        )
        message = Outgoing(exchange, key, id_, type_, body)
        self.outgoing.append(message)
        return message


class Limit:
    """Consumes, stores and acknowledges on the main thread; publishes on another."""

    def __init__(self) -> None:
        self._url = os.environ["BENCH_AMQP"]
        self._client: MongoClient[Document] = MongoClient(os.environ["BENCH_MONGO"], w="majority", tz_aware=True)
        self._db = self._client[os.environ["BENCH_DATABASE"]]
        self._outbox = self._db["outbox"].with_options(write_concern=WriteConcern(w=1))
        self._tickets: dict[str, Document] = {}
        self._stored: queue.Queue[tuple[Batch, int]] = queue.Queue(maxsize=1)
        self._published: deque[int] = deque()
        self._waiting: deque[Any] = deque()

    def run(self) -> None:
        """Until it is killed."""
        threading.Thread(target=self._publish, daemon=True).start()
        connection = connect(self._url, "limit")
        channel = connection.channel()
        channel.auto_decode = False
        channel.basic_qos(0, PREFETCH, False)
        channel.basic_consume("intake.commands", callback=self._waiting.append)
        while True:
            while len(self._waiting) < TURN:
                try:
                    connection.drain_events(timeout=0.002)
                except TimeoutError:
                    break
            if self._waiting:
                turn = [self._waiting.popleft() for _ in range(min(TURN, len(self._waiting)))]
                self._stored.put((self._store(turn), turn[-1].delivery_tag))
            while self._published:
                channel.basic_ack(self._published.popleft(), multiple=True)

    def _store(self, turn: list[Any]) -> Batch:
        batch = Batch(self._tickets)
        for message in turn:
            batch.add(orjson.loads(message.body))
        messages = [
            {
                "exchange": message.exchange,
                "routing_key": message.routing_key,
                "message_id": message.message_id,
                "type": message.type,
                "body": message.body,
                "mandatory": True,
            }
            for message in batch.outgoing
        ]
        with self._client.start_session(causal_consistency=False) as session:
            session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority"))
            if batch.noted:
                replaced = {"_id": {"$in": [ticket["_id"] for ticket in batch.noted.values()]}}
                self._db["tickets"].delete_many(replaced, session=session)
            tickets = [*batch.opened.values(), *batch.noted.values()]
            self._db["tickets"].insert_many(tickets, ordered=False, session=session)
            self._db["entries"].insert_many(batch.entries, ordered=False, session=session)
            self._db["handled"].insert_many(batch.handled, ordered=False, session=session)
            outbox = {"_id": f"{batch.turn}:0", "turn": batch.turn, "at": batch.now, "messages": messages}
            self._db["outbox"].insert_one(outbox, session=session)
            session.commit_transaction()
        return batch

    def _publish(self) -> None:
        publisher = Publisher(self._url, os.environ["BENCH_USER"])
        while True:
            batch, tag = self._stored.get()
            if publisher.publish(batch.outgoing):
                os.kill(os.getpid(), signal.SIGABRT)  # a queue is missing: what it measures would be no limit
            self._outbox.delete_many({"turn": {"$in": [batch.turn]}})
            self._published.append(tag)


if __name__ == "__main__":
    Limit().run()
