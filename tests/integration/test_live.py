"""`helpdesk.live` on a real broker: whoever shows tickets hears which ones change, whatever the channel."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from contracts.common import NamedAccount
from contracts.tickets import Reply, TicketChanged, TicketOutcome
from deploy.local.desk import Desk
from services.client.aio import AsyncClient
from services.client.blocking import Client
from services.client.errors import Unreachable
from services.client.link import LIVE
from tests.integration.test_client import submit
from tests.system.line import Lines

ANA = NamedAccount(kind="account", account_id="account-1")


async def next_change(live: AsyncClient) -> TicketChanged:
    heard = await live.hear(10)
    assert heard is not None
    assert heard.kind == "live_message"
    assert isinstance(heard.data, TicketChanged)
    return heard.data


def test_the_help_center_hears_of_what_other_channels_change(desk: Desk) -> None:
    desk.start("intake")

    async def play() -> None:
        async with (
            AsyncClient(desk.amqp_url("helpcenter"), hears=LIVE) as live,
            AsyncClient(desk.amqp_url("game")) as game,
        ):
            ticket = (await game.command("ticket.submit", submit(1))).expect(TicketOutcome).ticket
            opened = await next_change(live)
            assert opened == TicketChanged(accounts=[ANA], number=ticket.number, version=1, status="new")
            await game.command("ticket.reply", Reply(requester=submit(1).requester, number=ticket.number, body="Now?"))
            assert (await next_change(live)).version == 2
            assert await live.hear(0) is None

    asyncio.run(play())


def test_no_other_channel_hears_it(desk: Desk) -> None:
    with pytest.raises(Unreachable, match="does not let web read"), Client(desk.amqp_url("web"), hears=LIVE):
        pass


def test_whoever_loses_the_connection_is_told_when_they_hear_again(desk: Desk) -> None:
    """What changed meanwhile is kept for nobody."""
    desk.start("intake")
    parts = urlsplit(desk.amqp_url("helpcenter"))
    lines = Lines({"helpcenter": parts.port or 0})

    async def play() -> None:
        by_line = desk.amqp_url("helpcenter").replace(f":{parts.port}/", f":{lines.ports['helpcenter']}/")
        again = asyncio.Event()
        async with (
            AsyncClient(by_line, hears=LIVE, reconnected=again.set) as live,
            AsyncClient(desk.amqp_url("web")) as web,
        ):
            await web.command("ticket.submit", submit(1))
            assert (await next_change(live)).version == 1
            assert not again.is_set()
            lines.cut(["helpcenter"])
            await asyncio.wait_for(again.wait(), 20)
            number = (await web.command("ticket.submit", submit(2))).expect(TicketOutcome).ticket.number
            while (await next_change(live)).number != number:
                pass

    try:
        asyncio.run(play())
    finally:
        lines.close()
