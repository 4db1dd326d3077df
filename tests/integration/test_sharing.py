"""Thousands of accounts with one address, as anybody may open them: a turn looks at a hundred, found by an index."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.desk import Desk
from services.chassis.database import Conflict
from services.chassis.unit_of_work import Store
from services.intake.documents import account_document
from services.intake.domain.decide import decide
from services.intake.domain.needs import Need, Sharing, SomeSharing
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, AccountWritten
from services.intake.domain.values.file import Brought, File
from services.intake.domain.values.prepared import Prepared
from services.intake.files.keeping import RECORDS, file_document
from services.intake.queries.reading import Reading
from services.intake.queries.sharing import MOST_SHARING
from services.intake.repository import READINGS
from tests.integration.interleaving import Interrupted, interruptible
from tests.integration.racing import Instance, message_of
from tests.integration.test_files import database
from tests.unit.intake.desk import CATALOGUE, account, submission, temporary
from tests.unit.intake.pairs import NOW

__all__ = ["database"]

EMAIL = "zoe@example.org"
OPENED = 3_000


def flood(stored: Database[dict[str, Any]]) -> list[Account]:
    """Thousands, opened one after the other, the newest first stored; the last three have confirmed the address."""
    accounts = [
        Account(
            f"temporary:t{n:05}", 1, EMAIL, 1,
            secret_hash="-", opened_at=NOW + timedelta(seconds=n), code_version=n % 2,
            confirmed_version=int(last), confirmed_at=NOW - timedelta(seconds=n) if last else None,
        )
        for n in range(OPENED)
        for last in [n >= OPENED - 3]
    ]  # fmt: skip
    stored["accounts"].insert_many([account_document(account) for account in reversed(accounts)])
    others = (Account(f"temporary:o{n}", 1, f"{n}@example.org", 1, opened_at=NOW) for n in range(500))
    stored["accounts"].insert_many([account_document(account) for account in others])
    return accounts


def test_those_that_have_confirmed_come_first_then_the_oldest(database: Database[dict[str, Any]]) -> None:
    accounts = flood(database)
    found = list(read(database, Sharing(EMAIL)).accounts)
    confirmed = [account.key for account in accounts[::-1][:3]]
    assert found == confirmed + [account.key for account in accounts[: MOST_SHARING - 3]]
    some = read(database, *map(SomeSharing, (EMAIL, "0@example.org", "nobody@example.org")))
    assert len(some.accounts) == 4


def read(database: Database[dict[str, Any]], *needs: Need) -> View:
    view = View(CATALOGUE, numbers=deque())
    Reading(database, view, NOW).read(needs)
    return view


def test_an_account_that_confirms_the_address_between_the_queries_is_found(database: Database[dict[str, Any]]) -> None:
    zoe, other = (Account(f"temporary:t{n}", 1, EMAIL, 1, opened_at=NOW) for n in range(2))
    database["accounts"].insert_many([account_document(account) for account in (zoe, other)])
    with interruptible():
        reading = Interrupted(partial(read, database, Sharing(EMAIL)), after=1)
        confirmed = replace(zoe, version=2, confirmed_version=1, confirmed_at=NOW)
        database["accounts"].replace_one({"_id": zoe.key}, account_document(confirmed))
        assert reading.result().accounts == {zoe.key: confirmed, other.key: other}


@pytest.mark.parametrize("changes", [READINGS - 1, READINGS])
@pytest.mark.parametrize("changed", ["accounts", RECORDS])
def test_a_load_reads_again_what_has_changed_and_then_has_lost_the_race(
    database: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, changed: str, changes: int
) -> None:
    """A merge gives the files of an account to another, too."""
    database["accounts"].insert_one(account_document(Account("temporary:t1", 1, EMAIL, 1, opened_at=NOW)))
    file = File("f" * 64, "temporary:t1", "text/plain", 5, "-", 5, "-", "-", b"-", NOW, "stored")
    database[RECORDS].insert_one(file_document(file))
    instance, left = Instance(Store(database, "intake"), "one"), iter(range(changes))
    named = {"name": "a.txt", "media_type": "text/plain", "ref": file.ref}
    zoe = temporary("t1", "right")
    replying = message_of("ticket.reply", 1, requester=zoe, number="10000001", body="Look", attachments=[named])
    prepared = Prepared(brought={replying.key: [Brought("a.txt", "text/plain", file.ref)]})
    read_once = instance.repository._read

    def changed_after_that(*arguments: Any) -> View:
        view = read_once(*arguments)
        if next(left, None) is not None:
            database[changed].update_one({}, {"$inc": {"version": 1}})
        return view

    monkeypatch.setattr(instance.repository, "_read", changed_after_that)
    if changes == READINGS:
        with pytest.raises(Conflict):
            instance.repository.load([replying], NOW, prepared)
    else:
        view = instance.repository.load([replying], NOW, prepared)
        newest = {"accounts": view.accounts["temporary:t1"].version, RECORDS: view.files[file.ref].version}
        assert newest == {"accounts": 1, RECORDS: 1} | {changed: READINGS}


@pytest.mark.parametrize("place", [5, 2000], ids=["one of the oldest", "one of the rest"])
def test_a_confirmation_loads_and_writes_no_more_than_a_hundred(database: Database[dict[str, Any]], place: int) -> None:
    accounts = flood(database)
    instance = Instance(Store(database, "intake"), "one")
    id_, first = accounts[place].id, accounts[-1]
    message = message_of("account.confirm_contact", 1, requester=temporary(id_, "right"), code="code")
    key = accounts[place].key
    prepared = Prepared(verified=frozenset([(id_, "right")]), right_codes=frozenset([(key, 1, "code")]))
    view = instance.repository.load([message], NOW, prepared)
    assert len(view.accounts) <= MOST_SHARING + 1
    decision = decide(view, message, NOW)
    assert decision.answer is not None
    assert decision.answer.type == "command.accepted"
    for change in decision.changes:
        view.apply(change)
    assert view.accounts[key].person == first.key, "who confirmed first, though opened last"
    assert sum(isinstance(change, AccountWritten) for change in decision.changes) <= MOST_SHARING + 2
    instance.commit(view)
    assert database["accounts"].count_documents({"version": {"$gt": 1}}) <= MOST_SHARING


def test_two_of_the_rest_that_confirm_at_once_meet(database: Database[dict[str, Any]]) -> None:
    database["accounts"].insert_many(
        account_document(Account(f"temporary:t{n}", 1, EMAIL, 1, opened_at=NOW + timedelta(seconds=n)))
        for n in range(MOST_SHARING + 2)
    )
    instance = Instance(Store(database, "intake"), "one")
    written = []
    for n in (MOST_SHARING, MOST_SHARING + 1):
        message = message_of("account.confirm_contact", n, requester=temporary(f"t{n}", "right"), code="code")
        right = frozenset([(f"temporary:t{n}", 1, "code")])
        prepared = Prepared(verified=frozenset([(f"t{n}", "right")]), right_codes=right)
        decision = decide(instance.repository.load([message], NOW, prepared), message, NOW)
        written.append({change.account.key for change in decision.changes if isinstance(change, AccountWritten)})
    assert written[0] & written[1], "one of the two has to see the other"


def test_no_account_is_looked_for_by_its_address_in_more_than_the_index(
    desk: Desk, database: Database[dict[str, Any]]
) -> None:
    flood(database)
    instance = Instance(Store(database, "intake"), "one")
    zoe = temporary("t00005", "right")
    messages = [
        message_of("account.confirm_contact", 1, requester=zoe, code="code"),
        message_of("account.confirm_contact", 2, requester=zoe),
        message_of("ticket.list", 3, requester=zoe),
        message_of("ticket.submit", 4, **submission(account("ann", email=EMAIL))),
        message_of("account.open_temporary", 5, contact_email=EMAIL),
    ]
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        of_intake = client[database.name]
        of_intake.command("profile", 2)
        instance.repository.load(messages, NOW)
        of_intake.command("profile", 0)
        rows = list(of_intake["system.profile"].find({"appName": "tests", "op": {"$in": ["query", "command"]}}))
    of_accounts = [row for row in rows if row["ns"].endswith((".accounts", ".codes_mailed", ".tickets"))]
    assert len(of_accounts) >= 6
    assert not [row for row in of_accounts if "COLLSCAN" in row.get("planSummary", "")]
    assert max(row.get("docsExamined", 0) for row in of_accounts) <= MOST_SHARING
    assert not [row for row in of_accounts if row.get("hasSortStage") and row["ns"].endswith(".accounts")]
