"""Whatever the desk is asked, its services find it by an index: a desk with a million tickets is as fast as a new
one."""

from __future__ import annotations

from typing import Any

from contracts.names import SERVICES
from tests.system.client import command, submission
from tests.system.crowd import AGENT_HEARS, CHANNELS, Channel, agents_answer, plan
from tests.system.house import House
from tests.system.library import STAFF_FILE, at_work
from tests.system.storm import wait_until_calm

REQUESTS = 150
SEED = 5
EMAIL = "zoe@players.example"


def ask_about_accounts(house: House) -> None:
    """Two accounts with one address: opened, asked for their codes, confirmed with a wrong one, listed, and a real one
    that brings the same address."""

    def asked(type_: str, **data: Any) -> Any:
        return house.ask("web", command("web", type_, data))["data"]

    for _ in range(2):
        opened = asked("account.open_temporary", contact_email=EMAIL)
        zoe = {"temporary": {"account_id": opened["account_id"], "secret": opened["secret"]}}
        assert asked("account.confirm_contact", requester=zoe)["code"] == "rate_limited"
        assert asked("account.confirm_contact", requester=zoe, code="0")["code"] == "invalid"
        assert asked("ticket.list", requester=zoe)["tickets"] == []
    ann = {"account_id": "ann", "display_name": "Ann", "tier": "standard", "email": EMAIL}
    filed = submission("ann", "a matter of her own")
    assert "ticket" in asked("ticket.submit", **{**filed, "requester": ann})


def test_no_service_reads_a_whole_collection(house: House) -> None:
    house.desk.settings["CASEBUS_STAFF"] = str(STAFF_FILE)
    house.start()
    databases = [house.database(service) for service in SERVICES]
    for database in databases:
        database.create_collection("system.profile", capped=True, size=64 * 1024 * 1024)
        database.command("profile", 2)
    for number in range(1, 4):
        house.sign_on(f"a{number}", capacity=20, answer=agents_answer, hears=AGENT_HEARS)
    planned = plan(SEED, REQUESTS)
    house.bad |= {request.id for request in planned if request.bad}
    channels = [
        Channel(house.desk.amqp_url(name), name, share, house.ledger, lambda: REQUESTS, SEED, pace=200)
        for name in CHANNELS
        if (share := [request for request in planned if request.channel == name])
    ]
    people = at_work(house.desk.amqp_url, house.ledger, SEED, edits=6, visits=6)
    house.ledger.wait(lambda: sum(channel.sent for channel in channels) == REQUESTS, "all is sent")
    for person in people:
        person.wait(patience=60)
    wait_until_calm(house, patience=60)
    for channel in channels:
        channel.close()
    ask_about_accounts(house)
    wait_until_calm(house, patience=60)
    for database in databases:
        database.command("profile", 0)
    theirs = {"appName": {"$in": list(SERVICES)}}
    looked_at = sum(database["system.profile"].count_documents(theirs) for database in databases)
    scanned = {
        str((row["ns"], row["command"]))
        for database in databases
        for row in database["system.profile"].find({**theirs, "planSummary": {"$regex": "COLLSCAN"}})
        if "$changeStream" not in repr(row)  # it reads on in the oplog, from where it was
    }
    assert looked_at > REQUESTS
    assert not scanned, "\n".join(sorted(scanned)[:10])
    house.assert_clean()
