"""An internal article that an agent names in a solution: its id reaches no channel, by no view and no archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as altered
from pymongo.synchronous.pool import Connection

from contracts.accounts import ExportAccount, Exported
from contracts.articles import MoveArticle
from contracts.attachments import Content, Download
from contracts.outcomes import Accepted
from contracts.payload import read
from contracts.tickets import Submit, SuggestSolution, TicketOutcome, Viewed, ViewTicket
from deploy.local.desk import Desk
from deploy.local.stack import Stack
from services.chassis.decision import Message
from services.client.blocking import Client
from services.intake.documents import article_document
from services.intake.domain.values.article import KnownArticle
from tests.integration.racing import INDEXES, Instance, Scene, put_down
from tests.integration.test_intake import ask, database
from tests.integration.test_knowledge import base, editor, publish, web
from tests.integration.turn_stores import stores
from tests.unit.intake.desk import account, submission, temporary
from tests.unit.intake.pairs import NOW, meeting
from tests.unit.said import as_a
from tests.waiting import wait

__all__ = ["base", "editor", "web"]

NAMED = ("vault", "zebra", "no-such")


@pytest.fixture
def agent(base: Desk) -> Iterator[Client]:
    with Client(base.amqp_url("agent.a2")) as client:
        yield client


def test_no_view_and_no_archive_of_a_requester_has_the_id_and_an_agents_view_has_it(
    base: Desk, editor: Client, agent: Client, web: Client
) -> None:
    base.start_all([("knowledge", 1), ("intake", 1)])
    publish(editor, "vault", "How to open the vault", audience="internal")
    publish(editor, "zebra", "The zebra")
    with database(base) as documents:

        def known(versions: Sequence[int]) -> None:
            """Wait until intake has heard of these versions of both."""
            heard = lambda: [row["version"] for row in sorted(documents("articles"), key=lambda row: row["_id"])]  # noqa: E731
            wait(heard, f"versions {versions}", [*versions].__eq__)

        known([2, 2])
        filed = web.command("ticket.submit", read(Submit, submission()).data).expect(TicketOutcome)
        number = filed.ticket.number
        holder = {"agent": {"id": "a2", "display_name": "Al"}, "assignment_seq": 0, "reason": "least loaded"}
        ask(base, "routing", "r1", "ticket.assign", {"number": number, **holder})
        suggestion = SuggestSolution(agent_id="a2", number=number, body="Please read these.", articles=NAMED)
        agent.command("ticket.suggest_solution", suggestion).expect(Accepted)
        for_requester = read(ViewTicket, {"requester": account(), "number": number}).data

        def seen(client: Client, view: ViewTicket) -> list[str]:
            return [*client.ask("ticket.view", view).expect(Viewed).history[-1].articles]

        assert seen(web, for_requester) == ["zebra", "no-such"]
        assert seen(agent, ViewTicket(agent_id="a2", number=number)) == [*NAMED]
        archive = exported(web)
        assert b"zebra" in archive
        assert b"vault" not in archive

        for id_, audience in (("vault", "public"), ("zebra", "internal")):
            move = read(MoveArticle, {"agent_id": "a1", "article_id": id_, "audience": audience}).data
            editor.command("article.move", move).expect(Accepted)
        known([3, 3])
        assert seen(web, for_requester) == ["vault", "no-such"]
        assert seen(agent, ViewTicket(agent_id="a2", number=number)) == [*NAMED]


def exported(web: Client) -> bytes:
    """All files of the archive that the requester gets."""
    asked = read(ExportAccount, {"requester": account()}).data
    ref = web.command("account.export", asked).expect(Exported).attachment.ref
    question = read(Download, {"requester": account(), "ref": ref}).data
    content = web.ask("attachment.download", question).expect(Content).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"".join(map(archive.read, archive.namelist()))


def test_a_view_in_the_turn_of_the_solution_leaves_it_out(stack: Stack) -> None:
    scene = Scene(meeting("assigned"), 1)
    with stores(stack, "intake", 1, INDEXES) as (store,):
        prepared = put_down(store, [scene])
        store.database["articles"].insert_one(article_document(KnownArticle("vault", 1, is_internal=True)))
        _, viewed = Instance(store, "one").take([a_suggestion(scene, *NAMED), a_view(scene)], prepared)
    assert viewed.answer is not None
    assert [*as_a(Viewed, viewed.answer.data).history[-1].articles] == ["zebra", "no-such"]


def test_a_view_asks_once_more_only_for_articles_and_then_whether_or_not_they_are_internal(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long it takes does not tell of an article that is left out."""
    scenes = [Scene(meeting("assigned"), place) for place in range(3)]
    asked: list[int] = []
    send = Connection.send_message

    def counting(connection: Connection, body: bytes, largest: int) -> None:
        asked[-1] += 1
        send(connection, body, largest)

    with stores(stack, "intake", 1, INDEXES) as (store,):
        prepared = put_down(store, scenes)
        store.database["articles"].insert_one(article_document(KnownArticle("vault", 1, is_internal=True)))
        instance = Instance(store, "one")
        for scene, articles in zip(scenes, ((), ("vault",), ("zebra",)), strict=True):
            instance.take([a_suggestion(scene, *articles)], prepared)
        monkeypatch.setattr(Connection, "send_message", counting)
        for scene in scenes:
            asked.append(0)
            instance.repository.load([a_view(scene)], NOW, prepared)
    assert asked == [3, 4, 4], "what it needs, in rounds; then whether that still stands"


def a_suggestion(scene: Scene, *articles: str) -> Message[Any]:
    """Of the agent who has its first ticket."""
    suggestion = scene.message("suggest", 1)
    return replace(suggestion, data=altered(suggestion.data, articles=articles))


def a_view(scene: Scene) -> Message[Any]:
    """Of its first ticket, by its requester."""
    asked = {"requester": temporary(scene.theirs, "right"), "number": scene.at.ticket.number}
    data = read(ViewTicket, asked).data
    return Message("v", "ticket.view", "web", data, None, "web\x1fv")
