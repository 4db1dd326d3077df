"""The client on a real broker and a real intake: what it sends has one effect and one outcome, whatever happens to the
connection, and what it hears is kept until it was handled."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import wait as all_done
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

import contracts
from contracts.agents import SignOn
from contracts.common import AccountRequester
from contracts.envelope import Event
from contracts.names import INTAKE
from contracts.tickets import AgentReason, AssignedToAgent, Submit, TicketOutcome, Viewed, ViewTicket
from deploy.local.desk import Desk
from deploy.local.rabbitmq import ADMIN
from services.chassis.database import Document
from services.client import core, link
from services.client.aio import AsyncClient
from services.client.blocking import Client
from services.client.bus import Bus
from services.client.core import Heard
from services.client.errors import ClientError, CommandRejected, LoginRefused, NotTaken, Unanswered, Unreachable
from services.client.link import INBOX, Arrived
from tests.system.line import Lines
from tests.waiting import wait

EXAMPLES = Path(contracts.__file__).parent / "examples"
LINE = "client"

UNWRITABLE: list[dict[str, Any]] = [
    {"expiration": 5},
    {"priority": 300},
    {"application_headers": {"x": object()}},
    {"application_headers": {"x": 2**70}},
    {"application_headers": "x"},
    {"content_type": "x" * 256},
]


def submit(number: int, category: str = "technical") -> Submit:
    return Submit(
        requester=AccountRequester(account_id=f"account-{number}", display_name="Ana", tier="standard"),
        category=category,
        subject=f"No sound, number {number}",
        body="All is silent.",
        issue_key=f"order-{number}",
    )


@pytest.fixture
def lines(desk: Desk) -> Iterator[Lines]:
    """A client's way to the broker, which the test can cut."""
    lines = Lines({LINE: urlsplit(desk.amqp_url("web")).port or 0})
    try:
        yield lines
    finally:
        lines.close()


def by_line(desk: Desk, lines: Lines, user: str) -> str:
    parts = urlsplit(desk.amqp_url(user))
    return desk.amqp_url(user).replace(f":{parts.port}/", f":{lines.ports[LINE]}/")


def versions(desk: Desk) -> list[int]:
    """Of all tickets that were filed."""
    with MongoClient[Document](desk.admin_mongo_url) as mongo:
        return [row["version"] for row in mongo[f"{desk.db_prefix}_intake"]["tickets"].find()]


def test_commands_and_questions_have_typed_outcomes(desk: Desk) -> None:
    desk.start("intake")
    with Client(desk.amqp_url("web")) as web:
        ticket = web.command("ticket.submit", submit(1)).expect(TicketOutcome).ticket
        again = ViewTicket(requester=submit(1).requester, number=ticket.number)
        assert web.ask("ticket.view", again).expect(Viewed).ticket.number == ticket.number
        assert web.command("ticket.view", again).expect(Viewed).ticket.number == ticket.number
        refused = web.command("ticket.submit", {"subject": "x"}, within=math.inf)
        assert refused.rejected is not None
        assert refused.rejected.code == "invalid"
        with pytest.raises(CommandRejected) as error:
            refused.expect(TicketOutcome)
        assert set(error.value.errors) == {"requester", "category", "body"}
        assert web.hear(0) is None, "each was waited for"
    with pytest.raises(ClientError, match="closed"):
        web.command("ticket.submit", submit(2))


def test_no_loss_of_the_connection_loses_or_doubles_anything(desk: Desk, lines: Lines) -> None:
    desk.start("intake")
    count = 400
    with Client(by_line(desk, lines, "web")) as web:
        futures = []
        for number in range(count):
            futures.append(web.send(core.command("web", "ticket.submit", submit(number))))
            if number % 100 == 50:
                lines.cut([LINE])
            if number % 100 == 99:  # what was confirmed or answered is done, and the client does not know
                lines.lose_answers([LINE])
        outcomes = [future.result(60) for future in futures]
    assert {outcome.type for outcome in outcomes} == {"ticket.opened"}
    assert len({outcome.expect(TicketOutcome).ticket.number for outcome in outcomes}) == count
    assert versions(desk) == [1] * count


def test_a_deadline_passes_and_the_same_id_finds_the_outcome_later(desk: Desk, lines: Lines) -> None:
    lines.hang([LINE], on=True)
    with pytest.raises(Unreachable):
        Client("amqp://web:no@127.0.0.1:1/casebus", within=0.3)
    lines.hang([LINE], on=False)
    with Client(by_line(desk, lines, "web")) as web:
        lines.cut([LINE])
        began = time.monotonic()
        with pytest.raises(Unanswered, match=r"ticket\.submit has had no outcome for 0\.5 s") as late:
            web.command("ticket.submit", submit(1), within=0.5)
        assert time.monotonic() - began < 3
        desk.start("intake")
        opened = web.command("ticket.submit", submit(1), id_=late.value.id)
        twice = [web.send(core.command("web", "ticket.submit", submit(1), id_=late.value.id)) for _ in range(2)]
        assert [future.result(30).event for future in twice] == [opened.event] * 2
    assert versions(desk) == [1]


def test_what_was_not_handled_is_heard_again(desk: Desk) -> None:
    """Outcomes of what was only published among it."""
    desk.start("intake")

    def next_of(web: Client) -> str:
        heard = web.hear(30)
        assert heard is not None
        return str(heard.event.data["ticket"]["requester"]["id"])

    with pytest.raises(ZeroDivisionError), Client(desk.amqp_url("web"), hears=INBOX) as web:  # noqa: PT012
        for number in range(3):
            web.publish(core.command("web", "ticket.submit", submit(number))).result(30)
        assert [next_of(web), next_of(web)] == ["account-0", "account-1"]
        raise ZeroDivisionError
    with Client(desk.amqp_url("web"), hears=INBOX) as web:
        assert [next_of(web), next_of(web)] == ["account-1", "account-2"]
    with Client(desk.amqp_url("web"), hears=INBOX) as web:
        assert web.hear(0.5) is None


def test_a_lost_connection_gives_only_what_is_in_hand_once_more(desk: Desk, lines: Lines) -> None:
    desk.start("intake")
    with Client(by_line(desk, lines, "web"), hears=INBOX) as web:
        for number in range(20):
            web.publish(core.command("web", "ticket.submit", submit(number))).result(30)
        heard: list[str | None] = []
        while len(set(heard)) < 20:
            message = web.hear(30)
            assert message is not None
            heard.append(message.event.causationid)
            if len(heard) == 5:
                with Bus(desk.amqp_url(ADMIN)) as admin:
                    wait(lambda: admin.depth("web.outcomes") == 0, "all outcomes with the client")
                lines.cut([LINE])
                wait(lambda: web._link._connections > 1, "the connection to be lost")
        assert web.hear(0.5) is None
    assert heard[5] == heard[4]
    assert len(heard) == 21


def test_one_that_the_broker_refuses_is_named_and_its_neighbours_go_on(desk: Desk) -> None:
    desk.start("intake")
    now = datetime.now(UTC)
    forged = Event("forged", "ticket.submit", "/channels/game", now, {})
    with Client(desk.amqp_url("web")) as web:
        futures = [web.send(core.command("web", "ticket.submit", submit(number))) for number in range(10)]
        bad = web.publish(core.by_hand(forged, INTAKE, "ticket.submit", properties={"user_id": "game"}))
        unwritable = [
            web.publish(core.by_hand(forged, INTAKE, "ticket.submit", properties=properties))
            for properties in UNWRITABLE
        ]
        futures += [web.send(core.command("web", "ticket.submit", submit(number))) for number in range(10, 20)]
        with pytest.raises(NotTaken, match="the broker says PRECONDITION_FAILED - user_id") as refused:
            bad.result(30)
        assert refused.value.id == "forged"
        for each in unwritable:
            with pytest.raises(NotTaken, match="AMQP cannot carry its properties"):
                each.result(30)
        assert {future.result(30).type for future in futures} == {"ticket.opened"}
        with Bus(desk.amqp_url(ADMIN)) as admin:
            admin.channel.queue_delete("intake.questions")
        with pytest.raises(NotTaken, match=r"ticket\.view was not taken: no queue takes it"):
            web.ask("ticket.view", ViewTicket(requester=submit(1).requester, number="10000001"))


def test_a_full_queue_refuses(desk: Desk) -> None:
    url = desk.amqp_url(ADMIN)
    with Bus(url) as bus:
        bus.channel.queue_declare("full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    with Client(url) as admin:
        events = [Event(f"e{n}", "ticket.submit", "/channels/web", datetime.now(UTC), {}) for n in range(9)]
        futures = [admin.publish(core.by_hand(event, "", "full")) for event in events]
        all_done(futures, 30)
        reasons = {str(future.exception()) for future in futures if future.exception()}
    assert reasons == {"ticket.submit was not taken: its queue is full."}


def test_a_wrong_login_and_a_missing_queue_are_said_at_the_start(desk: Desk) -> None:
    url = desk.amqp_url("web")
    began = time.monotonic()
    with pytest.raises(LoginRefused, match="refuses the login of web"):
        Client(url.replace(url.split("@")[0], "amqp://web:wrong"), within=30)
    with pytest.raises(Unreachable, match=r"no queue web\.nothing"):
        Client(url, hears="web.nothing")
    with pytest.raises(Unreachable, match=r"does not let web into the virtual host elsewhere\."):
        Client(url.rpartition("/")[0] + "/elsewhere")
    with pytest.raises(Unreachable, match=r"does not let web read its messages: .*403"):
        Client(url, hears="game.outcomes")
    assert time.monotonic() - began < 20


def test_what_was_given_up_says_nothing_of_what_is_sent_later_under_its_id(desk: Desk, lines: Lines) -> None:
    event = Event("again", "ticket.submit", "/channels/web", datetime.now(UTC), {})
    with Client(by_line(desk, lines, ADMIN)) as admin:
        lines.hang([LINE], on=True)
        given_up = admin.publish(core.by_hand(event, "", "later"))
        wait(lambda: admin._link._numbers, "its publishing")
        assert given_up.cancel()
        wait(lambda: not admin._link._futures, "its being given up")
        lines.hang([LINE], on=False)
        wait(lambda: not admin._link._numbers, "its return by the broker")
        with Bus(desk.amqp_url(ADMIN)) as bus:
            bus.channel.queue_declare("later")
        admin.publish(core.by_hand(event, "", "later")).result(30)


def test_a_channel_that_closes_for_another_reason_blames_no_message(desk: Desk, lines: Lines) -> None:
    desk.start("intake")
    with Client(by_line(desk, lines, "web"), hears=INBOX) as web:
        lines.slow([LINE], 0.3)
        heard = core.heard("web", core.command("web", "ticket.submit", submit(1)).body)
        web._link.done(Arrived(heard, 999, web._link._connections))  # the broker knows no delivery of this number
        time.sleep(0.1)
        confirmed = web.publish(core.command("web", "ticket.submit", submit(1)))
        time.sleep(0.1)
        lines.slow([LINE], 0)
        confirmed.result(30)
        assert web._link._connections > 1


def test_a_broker_that_is_gone_is_tried_now_and_then_however_much_is_given(
    desk: Desk, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    class Counted(Bus):
        def __init__(self, *args: Any, **how: Any) -> None:
            tried.append(time.monotonic())
            super().__init__(*args, **how)

    monkeypatch.setattr(link, "Bus", Counted)
    with Client(by_line(desk, lines, "web")) as web:
        lines.close()
        wait(lambda: len(tried) > 1, "an attempt to reconnect")
        began = time.monotonic()
        futures = []
        while time.monotonic() < began + 1:
            futures.append(web.send(core.command("web", "ticket.submit", submit(1)), within=0.3))
            time.sleep(0.005)
        assert isinstance(futures[0].exception(1), Unanswered)
        assert len(tried) <= 6
        web._link._under_way = core.UnderWay()  # nothing to wait for


def test_what_is_given_while_the_client_is_closed_is_refused_or_done(desk: Desk) -> None:
    web = Client(desk.amqp_url(ADMIN))
    event = Event("e", "ticket.submit", "/channels/web", datetime.now(UTC), {})
    futures: list[Future[None]] = []

    def give() -> None:
        with suppress(ClientError):
            while True:
                futures.append(web.publish(core.by_hand(event, "", "nowhere")))

    givers = [threading.Thread(target=give) for _ in range(4)]
    for giver in givers:
        giver.start()
    web.close()
    for giver in givers:
        giver.join()
    assert not all_done(futures, 5).not_done


def test_an_outcome_waits_behind_nothing_that_is_to_be_heard(desk: Desk) -> None:
    """An agent comes back to a full inbox."""
    desk.start("routing")
    told = (EXAMPLES / "agent_message.ticket.assigned.json").read_bytes()
    waiting = link.PREFETCH + 50
    with Bus(desk.amqp_url(ADMIN)) as bus:
        for number in range(waiting):
            bus.publish("", "agent.a1.inbox", told, message_id=str(number))
        bus.settle()
    with Client(desk.amqp_url("agent.a1"), hears=INBOX) as agent:
        me = SignOn(agent_id="a1", display_name="Ada", capacity=5, skills=["*"])
        assert agent.sign_on(me, within=30).type == "command.accepted"
        heard = [agent.hear(30) for _ in range(waiting)]
        assert {message.type for message in heard if message} == {"ticket.assigned"}
        assert agent.hear(0.3) is None, "the copy of the outcome in the inbox is known"


def test_an_agent_is_there_answers_and_comes_back(desk: Desk, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "HEARTBEAT", 0.2)
    desk.settings |= {"CASEBUS_AWAY_AFTER": "1", "CASEBUS_OFFLINE_AFTER": "2"}
    desk.start_all([("intake", 1), ("routing", 1)])
    me = SignOn(agent_id="a1", display_name="Ada", capacity=5, skills=["*"])

    def assigned(agent: Client) -> str:
        while (heard := agent.hear(30)) is not None:
            if heard.type == "ticket.assigned":
                data = heard.data
                assert isinstance(data, AssignedToAgent)
                return data.ticket.number
        raise AssertionError("no ticket came")

    with Client(by_line(desk, lines, "agent.a1"), hears=INBOX) as agent, Client(desk.amqp_url("web")) as web:
        assert agent.sign_on(me).type == "command.accepted"
        time.sleep(3)  # longer than an agent who says nothing counts as there
        web.command("ticket.submit", submit(1))
        number = assigned(agent)
        closed = agent.command("ticket.close", AgentReason(agent_id="a1", number=number, reason="Done."))
        assert closed.type == "command.accepted"
        lines.hang([LINE], on=True)
        with MongoClient[Document](desk.admin_mongo_url) as mongo:
            agents = mongo[f"{desk.db_prefix}_routing"]["agents"]
            wait(lambda: agents.count_documents({"_id": "a1", "signed_on": False}) == 1, "signed off")
        lines.hang([LINE], on=False)
        web.command("ticket.submit", submit(2))
        assert assigned(agent) != number
        assert agent.sign_off(release=True).type == "command.accepted"


def test_asyncio_has_the_same_names_and_keeps_the_same_promises(desk: Desk, lines: Lines) -> None:
    desk.start("intake")

    async def play() -> list[str]:
        async with AsyncClient(by_line(desk, lines, "web"), hears=INBOX) as web:
            tasks = [asyncio.create_task(web.command("ticket.submit", submit(number))) for number in range(100)]
            await asyncio.sleep(0.05)
            lines.lose_answers([LINE])
            outcomes = await asyncio.gather(*tasks)
            number = outcomes[0].expect(TicketOutcome).ticket.number
            seen = await web.ask("ticket.view", ViewTicket(requester=submit(0).requester, number=number))
            assert seen.expect(Viewed).ticket.number == number
            await web.publish(core.command("web", "ticket.submit", submit(0)))
            heard = await web.hear(30)
            assert isinstance(heard, Heard)
            assert heard.type == "ticket.duplicate"
            assert await web.hear(0.2) is None
            lines.hang([LINE], on=True)
            with pytest.raises(Unanswered):
                await web.command("ticket.submit", submit(200), within=0.3)
            lines.hang([LINE], on=False)
            return [outcome.type for outcome in outcomes]

    assert set(asyncio.run(play())) == {"ticket.opened"}
    wait(lambda: sorted(versions(desk)) == [1] * 100 + [2], "one ticket with a note, and one that nobody waited for")
