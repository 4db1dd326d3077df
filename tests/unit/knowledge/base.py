"""A knowledge base in memory: what is stored, a clock, and turns and questions of one message each.

Reading is a fake that reads what a message needs and no more, as tests/unit/intake/asked.py does: a rule that looks at
what it has not asked for fails. Searches go to a real shelf.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from contracts import registry
from contracts.articles import ArticlesFound, ArticleViewed
from contracts.by_language import Worded
from contracts.names import role_of
from contracts.outcomes import Accepted, Rejected
from contracts.payload import Payload, plain
from contracts.staff import Member, Staff
from services.chassis.decision import Arm, Decision, Message
from services.knowledge.domain import markdown
from services.knowledge.domain.articles.files import coming
from services.knowledge.domain.needs import (
    ArticleOf,
    Changed,
    Checked,
    Contents,
    Counted,
    Heads,
    InState,
    InUse,
    Listing,
    Marked,
    Need,
    Numbers,
    PartOf,
    PublishedOf,
    Rendered,
    Search,
    Shown,
    Stored,
    TextOf,
    VersionOf,
    VersionsOf,
)
from services.knowledge.domain.state import View
from services.knowledge.domain.taken import decide, still_needed
from services.knowledge.domain.values.article import Article, Published, Version, published_key
from services.knowledge.domain.values.counts import Tally, tally_key
from services.knowledge.domain.values.desk import Desk
from services.knowledge.domain.values.file import Part, part_key
from services.knowledge.domain.values.found import Chosen, Marks, Place
from services.knowledge.search.synonyms import NO_SYNONYMS
from services.knowledge.search.values import Ranked
from services.knowledge.shelf import Shelf
from tests.unit.said import as_a, assert_of_the_contract

MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EDITOR, OTHER_EDITOR, AGENT, CHANNEL, OPERATOR = "agent.mara", "agent.jo", "agent.al", "web", "operator"
STAFF = Staff(
    {
        "mara": Member("mara", frozenset({"editor"}), display_name="Mara Ilves"),
        "jo": Member("jo", frozenset({"editor"})),
        "al": Member("al", frozenset({"agent"}), skills=("*",)),
    }
)
CATEGORIES = {
    "billing": Worded("Billing"),
    "desk": Worded("How the desk works", {"de": "Der Helpdesk"}),
    "safety": Worded("Safety"),
}

P = TypeVar("P", bound=Payload)


class Base:
    """The knowledge base. `viewed`: what lists of the most viewed go by."""

    def __init__(self, staff: Staff | None = STAFF) -> None:
        self.desk = Desk("en", CATEGORIES, staff, ("desk", "safety"))
        self.now = MORNING
        self.state = View(self.desk, MORNING)
        self.shelf = Shelf()
        self.viewed: dict[str, int] = {}
        self.timers: dict[str, Arm] = {}
        self.said: list[Any] = []
        self.asked: set[Need] = set()
        self._ids = count(1)

    def later(self, **time: float) -> None:
        """The clock goes on."""
        self.now += timedelta(**time)

    def send(self, type_: str, sender: str = EDITOR, *, id_: str | None = None, **data: Any) -> Decision:
        """A command, event or question, decided and applied. An agent's `agent_id` is added, unless it is there."""
        return self.decided(self.message(type_, sender, id_=id_, **data))

    def message(self, type_: str, sender: str = EDITOR, *, id_: str | None = None, **data: Any) -> Message[Any]:
        """The same, not yet decided."""
        kind = next(
            found
            for each in ("command", "question", "event")
            if (found := registry.TYPES.get((each, type_))) is not None
        )
        if role_of(sender) == "agent" and "agent_id" in kind.schema.wire_fields():
            data.setdefault("agent_id", sender.removeprefix("agent."))
        return Message(id_ or f"m-{next(self._ids)}", type_, sender, kind.schema.load(data))

    def decided(self, message: Message[Any]) -> Decision:
        """A message, decided by what it needs, and applied."""
        (decision,) = self.turn([message])
        return decision

    def turn(self, messages: Sequence[Message[Any]]) -> list[Decision]:
        """Messages that are decided together, by what they need."""
        known = self.read_for(messages)
        self.asked = set(known.asked)
        return [self._decided(known, message) for message in messages]

    def _decided(self, known: View, message: Message[Any]) -> Decision:
        decision = decide(known, message, self.now)
        assert_of_the_contract("knowledge", decision)
        is_question = ("question", message.type) in registry.TYPES
        assert not (is_question and (decision.changes or decision.said or decision.timers)), (
            "a question changes nothing"
        )
        for change in decision.changes:
            known.apply(change)
            self.state.apply(change)
        self.shelf.put([change for change in decision.changes if isinstance(change, Published)])
        for timer in decision.timers:
            assert isinstance(timer, Arm)
            self.timers[timer.id] = timer
        self.said += decision.said
        return decision

    def fire(self) -> list[Decision]:
        """Every timer that is due."""
        due = [arm for arm in self.timers.values() if arm.timer.due <= self.now]
        decisions = []
        for arm in due:
            del self.timers[arm.id]
            decisions.append(self.decided(Message(arm.id, arm.timer.type_(), "knowledge", arm.timer, arm.about)))
        return decisions

    def read_for(self, messages: Sequence[Message[Any]]) -> View:
        """What these messages need, and no more."""
        known = View(self.desk, self.now, coming=coming(messages))
        ranked: dict[Search, Ranked] = {}
        while needs := still_needed(known, messages):
            known.asked |= needs
            # As the repository does: first what is stored, then what is made of it.
            for need in sorted(needs, key=lambda need: isinstance(need, Marked)):
                self._read(known, need, ranked)
        return known

    def _read(self, known: View, need: Need, ranked: dict[Search, Ranked]) -> None:
        there = self.state
        match need:
            case ArticleOf(id_):
                known.know([found] if (found := there.article(id_)) is not None else [])
            case VersionOf(article, number):
                known.know([version] if (version := there.version(article, number)) is not None else [])
            case PublishedOf(article):
                known.know(each for each in there.all_of(Published).values() if each.head.article == article)
            case Stored(kind, id_):
                known.know([value] if (value := there.of(kind, id_)) is not None else [])
            case Numbers(file):
                known.read[need] = [part.number for part in there.all_of(Part).values() if part.file == file]
            case Contents(file):
                known.know(part for part in there.all_of(Part).values() if part.file == file)
            case PartOf(file, number):
                part = there.of(Part, part_key(file, number))
                known.read[need] = None if part is None else part.content
            case Checked(body):
                known.read[need] = markdown.check(body)
            case Rendered(body):
                known.read[need] = markdown.render(body)
            case Heads(article, staff):
                known.read[need] = [
                    each.head for each in there.live(article) if staff or each.head.audience == "public"
                ]
            case TextOf(article, language, staff):
                text = there.published(article, language)
                shown = text is not None and text.live and (staff or text.head.audience == "public")
                known.read[need] = text if shown else None
            case Search():
                ranked[need] = found_ = self.shelf.search(need, self.desk.language, NO_SYNONYMS)
                places = [Place(hit.article, hit.language, hit.score) for hit in found_.hits]
                known.read[need] = Chosen(places, found_.total, found_.did_you_mean)
            case Listing():
                known.read[need] = self.shelf.listed(need, self.desk.language, self.viewed)
            case Counted():
                known.read[need] = self.shelf.counted(need, self.desk.language)
            case InUse(category, staff):
                known.read[need] = self.shelf.is_in_use(category, staff)
            case Shown(search):
                keys = [published_key(place.article, place.language) for place in known.read[search].places]
                texts = [text for key in keys if (text := there.of(Published, key)) is not None and text.live]
                known.read[need] = {
                    text.key: replace(text, body="", html="", plain="" if search.typing else text.plain)
                    for text in texts
                    if search.staff or text.head.audience == "public"
                }
            case Marked(search):
                known.read[need] = {
                    key: Marks(marking.marked(text.head.title), () if search.typing else marking.excerpt(text.plain))
                    for key, text in known.read[Shown(search)].items()
                    for marking in [ranked[search].markings[text.head.language]]
                }
            case Changed(since, first, most, staff):
                told: Callable[[Article], datetime | None] = lambda each: each.told if staff else each.told_public  # noqa: E731
                changed = [
                    (at, each.id)
                    for each in there.all_of(Article).values()
                    if (at := told(each)) is not None and at > since
                ]
                known.read[need] = [id_ for _, id_ in sorted(changed)[first : first + most]], len(changed)
            case InState(state, category, first, most):
                articles = [
                    each
                    for each in there.all_of(Article).values()
                    if state in each.states and category in (None, each.category)
                ]
                articles.sort(key=lambda each: each.id)
                articles.sort(key=lambda each: each.changed_at, reverse=True)
                known.read[need] = articles[first : first + most], len(articles)
            case VersionsOf(article, first, most):
                versions = [each for each in there.all_of(Version).values() if each.article == article]
                versions.sort(key=lambda each: -each.version)
                known.read[need] = versions[first : first + most]
            case _:
                raise AssertionError(f"no test reads {need}")

    # What most tests do

    def save(self, id_: str | None = "seven-days", sender: str = EDITOR, **data: Any) -> Decision:
        """A draft, of a new article in the category `desk` unless the data say otherwise."""
        given = {"title": "When is my case closed?", "body": "After 7 days.\n", "category": "desk", **data}
        return self.send("article.save", sender, **given, **({} if id_ is None else {"article_id": id_}))

    def publish(self, id_: str = "seven-days", sender: str = EDITOR, **data: Any) -> Decision:
        """Its drafts."""
        return self.send("article.publish", sender, article_id=id_, **data)

    def write(self, id_: str = "seven-days", **data: Any) -> None:
        """An article that is saved and published."""
        accepted(self.save(id_, **data))
        accepted(self.publish(id_))

    def article(self, id_: str = "seven-days") -> Article:
        """As it stands."""
        found = self.state.article(id_)
        assert found is not None
        return found

    def tally(self, article: str = "seven-days", day: str = "2026-03-02") -> Tally:
        """The counts of that day."""
        return self.state.of(Tally, tally_key(article, day)) or Tally(article, day)

    def found(self, type_: str, sender: str = CHANNEL, **data: Any) -> ArticlesFound:
        """What a search, suggestion or list answers."""
        return answer(self.send(type_, sender, **data), ArticlesFound)

    def ids(self, type_: str, sender: str = CHANNEL, **data: Any) -> list[str]:
        """The ids of what is found."""
        return [hit.id for hit in self.found(type_, sender, **data).articles]

    def viewed_by(self, sender: str = CHANNEL, id_: str = "seven-days", **data: Any) -> ArticleViewed:
        """What a view answers."""
        return answer(self.send("article.view", sender, article_id=id_, **data), ArticleViewed)


def answer(decision: Decision, form: type[P]) -> P:
    """What was answered, which must be of this class."""
    assert decision.answer is not None
    return as_a(form, decision.answer.data)


def accepted(decision: Decision) -> Accepted:
    """The command took effect."""
    return answer(decision, Accepted)


def refused(decision: Decision, code: str) -> Rejected:
    """The refusal, with this code. Nothing has changed."""
    found = answer(decision, Rejected)
    assert found.code == code, found
    assert not decision.changes
    assert not decision.said
    return found


def as_told(decision: Decision) -> dict[str, Any]:
    """The whole answer, as its reader gets it."""
    assert decision.answer is not None
    return {"type": decision.answer.type, "subject": decision.answer.subject, **plain(decision.answer.data)}
