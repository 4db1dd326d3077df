"""Knowledge as processes on the real bus: what is published is found in every instance within a second, through kills
and cut streams, and what readers do counts once."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from contracts.articles import (
    ArticleHelped,
    ArticleOpened,
    ArticlesFound,
    ArticleViewed,
    PublishArticle,
    SaveArticle,
    SearchArticles,
    SuggestArticles,
    ViewArticle,
    WithdrawArticle,
)
from contracts.outcomes import Accepted, Rejected
from contracts.payload import read
from contracts.tickets import Submit
from deploy.local.desk import Desk
from deploy.local.mongodb import DATABASE
from deploy.local.rabbitmq import BROKER
from deploy.local.stack import Stack
from services.client import core
from services.client.blocking import Client
from services.client.errors import Unanswered
from tests.waiting import wait

STAFF = """members:
  - {agent_id: a1, roles: [editor], display_name: Mara Ilves}
  - {agent_id: a2, roles: [agent], skills: ["*"]}
"""


@pytest.fixture
def base(desk: Desk, tmp_path: Path) -> Desk:
    """A desk whose staff file names an editor."""
    (tmp_path / "staff.yaml").write_text(STAFF, encoding="utf-8")
    desk.settings["CASEBUS_STAFF"] = str(tmp_path / "staff.yaml")
    return desk


@pytest.fixture
def editor(base: Desk) -> Iterator[Client]:
    with Client(base.amqp_url("agent.a1")) as client:
        yield client


@pytest.fixture
def web(base: Desk) -> Iterator[Client]:
    with Client(base.amqp_url("web")) as client:
        yield client


def publish(editor: Client, id_: str, title: str, *, within: float = 60, **more: Any) -> None:
    """An article of this title."""
    given: dict[str, Any] = {"body": f"{title}.\n", "category": "billing", **more}
    saving = SaveArticle(agent_id="a1", article_id=id_, title=title, **given)
    editor.command("article.save", saving, within=within).expect(Accepted)
    editor.command("article.publish", PublishArticle(agent_id="a1", article_id=id_), within=within).expect(Accepted)


def found(web: Client, words: str) -> list[str]:
    """Ids of what a channel finds. A question that is dropped is asked again."""
    try:
        answer = web.ask("article.search", SearchArticles(words=words), within=2.0)
    except Unanswered:
        return []
    return [hit.id for hit in answer.expect(ArticlesFound).articles]


def in_every_instance(web: Client, words: str, ids: list[str]) -> bool:
    """Twenty questions in a row: each instance gets some."""
    return all(found(web, words) == ids for _ in range(20))


def test_what_is_published_is_found_in_both_instances_within_a_second(base: Desk, editor: Client, web: Client) -> None:
    base.start_all([("knowledge", 1), ("knowledge", 2)])
    publish(editor, "zebra", "The zebra")
    both = lambda: [index_of(base, instance) for instance in (1, 2)]  # noqa: E731
    wait(both, "the text in both", lambda seen: all("casebus_index_texts 1.0" in each for each in seen), patience=1.0)
    assert in_every_instance(web, "zebra", ["zebra"])
    suggested = web.ask("article.suggest", SuggestArticles(words="zeb")).expect(ArticlesFound)
    assert [hit.id for hit in suggested.articles] == ["zebra"]
    for category in ("desks", "start"):  # the operator's file has the other, which has no article
        refused = web.ask("article.search", SearchArticles(words="zebra", category=category)).expect(Rejected)
        assert (refused.code, refused.message) == ("unknown_category", f"There is no category {category}.")
    view = web.ask("article.view", ViewArticle(article_id="zebra")).expect(ArticleViewed)
    assert view.article.html == "<p>The zebra.</p>\n"
    editor.command("article.withdraw", WithdrawArticle(agent_id="a1", article_id="zebra")).expect(Accepted)
    assert in_every_instance(web, "zebra", [])
    gone = web.ask("article.view", ViewArticle(article_id="zebra")).expect(Rejected)
    assert gone.code == "unknown_article"
    wait(both, "equal indexes", lambda seen: seen[0] == seen[1])


def index_of(base: Desk, instance: int) -> list[str]:
    """What its metrics say of it."""
    with urllib.request.urlopen(f"{base.health_url('knowledge', instance)}/metrics") as answer:
        return [line for line in answer.read().decode().splitlines() if line.startswith("casebus_index_")]


def test_a_killed_instance_comes_back_with_a_whole_index(base: Desk, editor: Client, web: Client) -> None:
    base.start_all([("knowledge", 1), ("knowledge", 2)])
    publish(editor, "before", "The zebra before")
    base.kill("knowledge", 1)
    publish(editor, "meanwhile", "The zebra meanwhile")
    base.start("knowledge", 1)
    base.kill("knowledge", 2)
    wait(lambda: sorted(found(web, "zebra")), "both articles", ["before", "meanwhile"].__eq__)


def streams_of(base: Desk, mongo: MongoClient[dict[str, Any]]) -> set[int]:
    """The change streams that knowledge has open, by the ids of their cursors."""
    cursors = {"$currentOp": {"allUsers": True, "idleCursors": True}}
    of_knowledge = {"$match": {"ns": f"{base.db_prefix}_knowledge.published", "cursor.tailable": True}}
    with mongo.admin.aggregate([cursors, of_knowledge]) as found:
        return {row["cursor"]["cursorId"] for row in found}


def cut_streams(base: Desk, mongo: MongoClient[dict[str, Any]]) -> None:
    """Cut the streams of two instances, and wait until both follow others."""
    cut = streams_of(base, mongo)
    assert len(cut) == 2
    mongo.admin.command({"killAllSessions": []})
    wait(lambda: streams_of(base, mongo), "two other streams", lambda now: len(now) == 2 and cut.isdisjoint(now))


def test_a_cut_stream_loses_nothing(base: Desk, editor: Client, web: Client) -> None:
    base.start_all([("knowledge", 1), ("knowledge", 2)])
    publish(editor, "a", "The zebra")
    wait(lambda: in_every_instance(web, "zebra", ["a"]), "the article in every instance")
    with MongoClient[dict[str, Any]](base.admin_mongo_url) as mongo:
        for _ in range(3):
            cut_streams(base, mongo)
    publish(editor, "b", "The quokka")
    wait(lambda: in_every_instance(web, "quokka", ["b"]), "the second article in every instance")


def test_a_database_that_is_killed_leaves_both_instances_equal(
    stack: Stack, base: Desk, editor: Client, web: Client
) -> None:
    base.start_all([("knowledge", 1), ("knowledge", 2)])
    publish(editor, "a", "The zebra")
    stack.processes.kill(DATABASE)
    stack.database.begin()
    stack.database.wait()
    publish(editor, "b", "The quokka")
    two = "casebus_index_texts 2.0"
    wait(
        lambda: [index_of(base, instance) for instance in (1, 2)],
        "both texts in both",
        lambda seen: seen[0] == seen[1] and two in seen[0],
    )
    wait(lambda: found(web, "quokka"), "the second article", ["b"].__eq__)


def test_a_broker_that_is_killed_costs_no_command(stack: Stack, base: Desk, editor: Client, web: Client) -> None:
    """Both instances have commands in hand when it dies: each takes effect once, and both find what was published.

    RabbitMQ 3.10 was seen to send commands to the dead letters in the moment in which it is back, as if nothing were
    bound. The client sends them again.
    """
    within = 2 * core.SEND_AGAIN
    base.start_all([("knowledge", 1), ("knowledge", 2)])
    publish(editor, "a", "The zebra")
    texts = [SaveArticle(agent_id="a1", article_id="a", title="The zebra", body=f"Text {n}.") for n in range(40)]
    sent = [editor.send(core.command("agent.a1", "article.save", text), within=within) for text in texts]
    opened = [ArticleOpened(article_id="a", session=f"s{n % 20}") for n in range(40)]
    sent += [web.send(core.command("web", "article.opened", each), within=within) for each in opened]
    with MongoClient[dict[str, Any]](base.admin_mongo_url) as mongo:
        knowledge = mongo[f"{base.db_prefix}_knowledge"]
        wait(lambda: knowledge["versions"].count_documents({}) > 2, "some are done", every=0.005)
        stack.processes.kill(BROKER)
        stack.start_servers()
        publish(editor, "b", "The quokka", within=within)
        for outcome in sent:
            outcome.result(within).expect(Accepted)
        versions = list(knowledge["versions"].find({"article": "a"}).sort("version"))
        (tally,) = knowledge["tallies"].find({"article": "a"})
    assert [row["version"] for row in versions] == list(range(1, 43))
    assert sorted(row["text"]["body"] for row in versions[2:]) == sorted(text.body for text in texts)
    assert tally["viewed"] == 20
    wait(
        lambda: [index_of(base, instance) for instance in (1, 2)],
        "both articles in both",
        lambda seen: seen[0] == seen[1] and "casebus_index_texts 2.0" in seen[0],
    )
    wait(lambda: in_every_instance(web, "quokka", ["b"]), "the second article in every instance")


def test_an_instance_is_ready_once_its_index_is_whole(base: Desk, editor: Client, web: Client) -> None:
    base.start("knowledge")
    for number in range(30):
        publish(editor, f"a{number}", f"The zebra {number}")
    base.kill("knowledge")
    base.start("knowledge")
    first = web.ask("article.search", SearchArticles(words="zebra")).expect(ArticlesFound)
    assert (len(first.articles), first.pages) == (20, 2), "ready, and its index is not whole"
    with urllib.request.urlopen(f"{base.health_url('knowledge')}/readyz") as answer:
        assert answer.read() == b"ok\n"


def test_openings_of_many_at_two_instances_count_once_each(base: Desk, editor: Client, web: Client) -> None:
    base.start_all([("knowledge", 1), ("knowledge", 2)])
    publish(editor, "a", "The zebra")
    sessions = [f"s{number % 40}" for number in range(200)]
    sent = [
        web.send(core.command("web", "article.opened", ArticleOpened(article_id="a", session=session, draft="f")))
        for session in sessions
    ]
    base.kill("knowledge", 2)
    for outcome in sent:
        outcome.result(60).expect(Accepted)
    votes = [True, False, True]
    for helped in votes:
        web.command("article.helped", ArticleHelped(article_id="a", session="s1", helped=helped)).expect(Accepted)
    with MongoClient[dict[str, Any]](base.admin_mongo_url) as mongo:
        (tally,) = mongo[f"{base.db_prefix}_knowledge"]["tallies"].find({"article": "a"})
        (draft,) = mongo[f"{base.db_prefix}_knowledge"]["drafts"].find()
    assert (tally["viewed"], tally["helped"], tally["not_helped"]) == (40, 1, 0)
    assert draft["articles"] == ["a"]


def test_a_draft_from_which_a_case_was_filed_is_known(base: Desk, editor: Client, web: Client) -> None:
    base.start_all([("knowledge", 1), ("intake", 1)])
    publish(editor, "a", "The zebra")
    for draft in ("filed", "not"):
        opened = ArticleOpened(article_id="a", session="s", draft=draft)
        web.command("article.opened", opened).expect(Accepted)
    requester: Any = {"account_id": "u1", "display_name": "Ada", "tier": "standard"}
    data = {"requester": requester, "subject": "Zebra", "body": "It bites.", "category": "billing", "draft": "filed"}
    outcome = web.command("ticket.submit", read(Submit, data).data)
    assert outcome.type == "ticket.opened"
    with MongoClient[dict[str, Any]](base.admin_mongo_url) as mongo:
        knowledge = mongo[f"{base.db_prefix}_knowledge"]
        wait(lambda: sorted(row["filed"] for row in knowledge["drafts"].find()), "a filed draft", [False, True].__eq__)
        assert knowledge["timers"].count_documents({"kind": "deflected"}) == 2


def test_two_editors_at_once_lose_no_text(base: Desk, editor: Client, web: Client) -> None:
    base.start_all([("knowledge", 1), ("knowledge", 2)])
    publish(editor, "a", "The zebra")

    def save(number: int) -> None:
        text = SaveArticle(agent_id="a1", article_id="a", title="The zebra", body=f"Text {number}.\n")
        editor.command("article.save", text).expect(Accepted)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with MongoClient[dict[str, Any]](base.admin_mongo_url) as mongo:
        rows = list(mongo[f"{base.db_prefix}_knowledge"]["versions"].find({"article": "a"}).sort("version"))
    assert [row["version"] for row in rows] == list(range(1, 23))
    texts = {row["text"]["body"] for row in rows if row.get("text")}
    assert texts >= {f"Text {number}.\n" for number in range(20)}


def test_a_broken_operators_file_stops_the_start_with_a_sentence(base: Desk, tmp_path: Path) -> None:
    (tmp_path / "knowledge.yaml").write_text("language: nothing at all\n", encoding="utf-8")
    base.settings["CASEBUS_KNOWLEDGE"] = str(tmp_path / "knowledge.yaml")
    with pytest.raises(Exception, match=r"knowledge\.yaml, line 1: language: Must be a language tag"):
        base.start("knowledge")
