"""Whatever the desk is asked, its services find it by an index: a desk of a million tickets is as fast as a new one."""

from __future__ import annotations

from contracts.names import SERVICES
from tests.system.crowd import AGENT_HEARS, CHANNELS, Channel, agents_answer, plan
from tests.system.house import House
from tests.system.storm import wait_until_calm

REQUESTS = 150
SEED = 5


def test_no_service_reads_a_whole_collection(house: House) -> None:
    house.start()
    databases = [house.database(service) for service in SERVICES]
    for database in databases:
        database.create_collection("system.profile", capped=True, size=64 * 1024 * 1024)
        database.command("profile", 2)
    for number in range(1, 4):
        house.sign_on(f"a{number}", capacity=20, answer=agents_answer, hears=AGENT_HEARS)
    planned = plan(SEED, REQUESTS)
    house.bad |= {one.id for one in planned if one.bad}
    channels = [
        Channel(house.desk.amqp_url(name), name, share, house.ledger, lambda: REQUESTS, SEED, pace=200)
        for name in CHANNELS
        if (share := [one for one in planned if one.channel == name])
    ]
    house.ledger.wait(lambda: sum(one.sent for one in channels) == REQUESTS, "all is sent")
    wait_until_calm(house, patience=60)
    for channel in channels:
        channel.close()
    for database in databases:
        database.command("profile", 0)
    theirs = {"appName": {"$in": list(SERVICES)}}
    looked_at = sum(database["system.profile"].count_documents(theirs) for database in databases)
    scanned = {
        str((row["ns"], row["command"]))
        for database in databases
        for row in database["system.profile"].find({**theirs, "planSummary": {"$regex": "COLLSCAN"}})
    }
    assert looked_at > REQUESTS
    assert not scanned, "\n".join(sorted(scanned)[:10])
    house.assert_clean()
