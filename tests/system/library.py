"""The people of the knowledge base in a storm: editors who write; readers who look, read, vote, and file all the same.

Each does one thing after the other, and next what is possible then; several are at it at once. A seed decides what they
intend. They judge nothing. The page is docs/testing.md.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from services.client.blocking import Client
from services.client.errors import ClientError
from tests.system.client import PATIENCE, Ledger, command, publish, submission
from tests.system.crowd import requester
from tests.system.evidence import FOR_STAFF, Asked

STAFF_FILE = Path(__file__).parent / "staff.yaml"
"""Who works at the desk while they are at it."""

EDITORS = ("agent.a1", "agent.a2")
"""Broker users; the staff file says that they are editors."""

READ_BY = ("web", "game")
"""The channels whose people read articles."""

ARTICLES = tuple(f"guide-{number}" for number in range(1, 7))
INTERNAL = ("inside-1", "inside-2")
"""Articles that are internal all their life: `FOR_STAFF` is in all their texts."""

COMMON = "guide"
"""A word of every text that readers may see."""

CATEGORIES = ("technical", "billing", "desk")
LANGUAGES = ("de", "fr")
LOOKED_FOR = (COMMON, "gui", FOR_STAFF, FOR_STAFF[:-1], "update of the viewer", "guide 3")
AT_ONCE = 6
"""People of a channel who are at it at once."""

ANSWERED_WITHIN = 3.0
"""Seconds after which a reader goes on without an answer: a fault may have cost it."""

Command = tuple[str, bytes]
Doing = Generator["list[Command] | Question", Any, None]
"""What somebody does: commands, after each of which it gets the outcomes, and questions, with their answers or None."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks of articles."""

    type: str
    data: Mapping[str, Any]


class Person:
    """Somebody's program, in a thread: goes on with what its people do as soon as they have what they wait for."""

    def __init__(self, url: str, ledger: Ledger, doings: Sequence[Doing], may_begin: Callable[[], int]) -> None:
        """`may_begin()`: how many of `doings` may have begun by now."""
        self.begun = 0
        self._done = 0
        """Counts each step that somebody takes."""
        self.failed: BaseException | None = None
        self._url = url
        self._ledger = ledger
        self._doings = doings
        self._may_begin = may_begin
        self._thread = threading.Thread(target=self._run, name=f"library of {urlsplit(url).username}", daemon=True)
        self._thread.start()

    def wait(self, patience: float) -> None:
        """Until all is done, as long as something is done every `patience` seconds. Raises what the program raised."""
        done, moved_at = self._done, time.monotonic()
        while self._thread.is_alive():
            self._thread.join(1)
            if self._done != done:
                done, moved_at = self._done, time.monotonic()
            waits = f"{self._thread.name} waits; it has begun {self.begun} of {len(self._doings)}"
            assert time.monotonic() - moved_at < patience, waits
        if self.failed is not None:
            raise self.failed

    def _run(self) -> None:
        try:
            with Client(self._url, within=PATIENCE) as client:
                self._do_all(client)
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self.failed = error

    def _do_all(self, client: Client) -> None:
        """Send some commands at a time: those that may begin now."""
        under_way: list[tuple[Doing, list[str]]] = []
        while under_way or self.begun < len(self._doings):
            while len(under_way) < AT_ONCE and self.begun < min(self._may_begin(), len(self._doings)):
                under_way.append((self._doings[self.begun], []))
                self.begun += 1
            going_on = []
            for doing, ids in under_way:
                outcomes = [self._ledger.outcome(client.user, id_) for id_ in ids]
                if None not in outcomes:
                    heard = [outcome.event for outcome in outcomes if outcome is not None]
                    waits_for = self._go_on(client, doing, heard if ids else None)
                    if waits_for is not None:
                        going_on.append((doing, waits_for))
                else:
                    going_on.append((doing, ids))
            under_way = going_on
            time.sleep(0.05)

    def _go_on(self, client: Client, doing: Doing, told: Any) -> list[str] | None:
        """Until it waits for outcomes again, whose ids are returned; None: it is done."""
        self._done += 1
        try:
            wants = doing.send(told)
            while isinstance(wants, Question):
                wants = doing.send(self._answer(client, wants))
        except StopIteration:
            return None
        return publish(client, wants, self._ledger)

    def _answer(self, client: Client, question: Question) -> Mapping[str, Any] | None:
        data = dict(question.data)
        if client.user.startswith("agent."):
            data["agent_id"] = client.user.removeprefix("agent.")
        before = len(self._ledger.heard)
        try:
            event = client.ask(question.type, data, within=ANSWERED_WITHIN).event
        except ClientError:
            return None
        self._ledger.asked.append(Asked(client.user, question.type, data, before, event.type, event.data))
        return {"type": event.type, **event.data}


def at_work(
    url_of: Callable[[str], str],
    ledger: Ledger,
    seed: int,
    edits: int,
    visits: int,
    share: Callable[[int], Callable[[], int]] = lambda count: lambda: count,
) -> list[Person]:
    """All of them: each editor does something `edits` times, and as many people of each channel read as `visits` says.

    `url_of(user)`: the broker; `share(count)`: how many of `count` may have begun by now. The desk has to run by
    `STAFF_FILE`.
    """
    begin = [(user, editing(user, seed, edits)) for user in EDITORS]
    begin += [(channel, reading(channel, seed, visits)) for channel in READ_BY]
    return [Person(url_of(user), ledger, doings, share(len(doings))) for user, doings in begin]


def editing(user: str, seed: int, count: int) -> list[Doing]:
    """What an editor does, `count` times: mostly two or three things at once, about one or two articles. At first, each
    article is written and published."""
    dice = random.Random(f"{seed}:{user}")
    seen: dict[str, int] = {}
    return [_edits(user, dice, seen, number) for number in range(count)]


def _edits(user: str, dice: random.Random, seen: dict[str, int], number: int) -> Doing:
    everything = (*ARTICLES, *INTERNAL)
    if number < 2:  # both editors begin so
        half = everything[number::2]
        yield [_edit(user, dice, "save", id_, None, number) for id_ in half]
        commands = [_edit(user, dice, "publish", id_, None, number) for id_ in half]
    else:
        commands = []
        for _ in range(dice.choice((1, 2, 3))):
            id_ = dice.choice(everything)
            what = dice.choice(("save", "save", "publish", "publish", "translate", "move", "withdraw", "restore"))
            expected = seen.get(id_) if dice.random() < 0.3 else None
            commands.append(_edit(user, dice, what, id_, expected, number))
    if dice.random() < 0.2:
        commands.append(dice.choice(commands))  # sent twice
    for outcome in (yield commands):
        article = outcome["data"].get("article")
        if article is not None:
            seen[article["id"]] = max(seen.get(article["id"], 0), article["version"])


def _edit(user: str, dice: random.Random, what: str, id_: str, expected: int | None, number: int) -> Command:
    internal = id_ in INTERNAL
    word = FOR_STAFF if internal else COMMON
    text = {"title": f"The {word} {id_[-1]}", "body": f"How to update the viewer: {word} {number} of {user}."}
    language = dice.choice(LANGUAGES)
    more: Mapping[str, Mapping[str, Any]] = {
        "save": {**text, "category": dice.choice(CATEGORIES)} | ({"audience": "internal"} if internal else {}),
        "translate": {**text, "language": language},
        "restore": {"version": dice.randrange(1, 12)},
        "publish": {"language": language} if dice.random() < 0.3 else {},
        "withdraw": {"language": language} if dice.random() < 0.5 else {},
        "move": {"category": dice.choice(CATEGORIES)}
        if internal or dice.random() < 0.3
        else {"audience": dice.choice(("public", "internal", "public"))},
    }
    data = {"agent_id": user.removeprefix("agent."), "article_id": id_, **more[what]}
    return command(user, f"article.{what}", data if expected is None else {**data, "expected_version": expected})


def reading(channel: str, seed: int, count: int) -> list[Doing]:
    """What the people of a channel do with articles, `count` of them."""
    return [_visit(channel, random.Random(f"{seed}:{channel}:{number}"), number) for number in range(count)]


def _visit(channel: str, dice: random.Random, number: int) -> Doing:
    """Type, look, read, vote, perhaps change one's mind; file all the same, perhaps twice. Some only file."""
    form = {"draft": f"form {number}"} if dice.random() < 0.7 else {}
    opens = not form or dice.random() < 0.85
    for _ in range(dice.choice((1, 2)) if opens else 0):
        words = dice.choice(LOOKED_FOR)
        found = yield Question(dice.choice(("article.suggest", "article.search")), {"words": words})
        offered = [hit["id"] for hit in (found or {}).get("articles", ())]
        id_ = (
            dice.choice(offered) if offered and dice.random() < 0.7 else dice.choice((*ARTICLES, *INTERNAL, "nothing"))
        )
        yield Question("article.view", {"article_id": id_})
        if dice.random() < 0.2:
            yield Question("article.list", {"sort": dice.choice(("most_viewed", "most_recent"))})
        read = {"article_id": id_, "session": f"visit {number - number % dice.choice((1, 2))}", **form}
        yield _perhaps_twice(dice, channel, "article.opened", read)
        for helped in [dice.random() < 0.6 for _ in range(dice.choice((0, 1, 1, 2)))]:
            # A session of its own: who votes in the same one at the same time leaves open whose vote is the last.
            vote = {**read, "session": f"visit {number}", "helped": helped, "words": "It is clear."}
            yield _perhaps_twice(dice, channel, "article.helped", vote)
    if form and dice.random() < (0.4 if opens else 1.0):
        account = f"reader-{channel}-{number}"
        issue = {**submission(account, f"matter-{number}"), "requester": requester(account)}
        yield _perhaps_twice(dice, channel, "ticket.submit", {**issue, **form})


def _perhaps_twice(dice: random.Random, channel: str, type_: str, data: Mapping[str, Any]) -> list[Command]:
    """The command; some are sent twice, under one id or under two."""
    made = command(channel, type_, data)
    roll = dice.random()
    return [made, made] if roll < 0.15 else [made, command(channel, type_, data)] if roll < 0.25 else [made]


def found_by(client: Client) -> set[tuple[str, str, int]]:
    """Every text that a search for the common words finds, as (article, language, version)."""
    found: set[tuple[str, str, int]] = set()
    agent = {"agent_id": client.user.removeprefix("agent.")} if client.user.startswith("agent.") else {}
    page, pages = 1, 1
    while page <= pages:
        answer = client.ask("article.search", {"words": f"{COMMON} {FOR_STAFF}", "page": page, **agent}).event.data
        found |= {(hit["id"], hit["language"], hit["version"]) for hit in answer["articles"]}
        page, pages = page + 1, answer["pages"]
    return found
