"""Watches the knowledge base of the model-based test: each commit as it happens, what readers are answered, and the
whole whenever it is at rest. It holds all to the model (articles.py). The page is docs/testing.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.names import EVENTS
from services.chassis.database import Document
from services.chassis.decision import Arm
from services.chassis.reading import Delivery
from services.chassis.unit_of_work import Work
from tests.model.articles import DEFLECTED_AFTER, Article, Library, Shown, Told, best
from tests.model.cases import Broken
from tests.model.desk import ModelDesk
from tests.model.network import decoded
from tests.model.witness import plain, unsent
from tests.system import checker
from tests.system.evidence import Evidence, Sent

FOR_STAFF = "for staff alone"
"""In all texts that no channel may ever see."""

Event = Mapping[str, Any]


class ArticlesWitness:
    """Sees all and raises `Broken` with what is wrong."""

    def __init__(self, desk: ModelDesk, model: Library) -> None:
        self.model = model
        self.sent: list[Sent] = []
        self._database = desk.databases["knowledge"][0]
        self._desk, self._clock, self._network = desk, desk.clock, desk.network
        self._timers: dict[str, tuple[str, str]] = {}
        """Whose form each timer is about."""
        self._told: set[Told] = set()

    def committed(self, service: str, work: Work, in_hand: Sequence[Delivery], overtaken: bool) -> None:
        """One turn was stored."""
        assert service == "knowledge", "no other service runs"
        events = [decoded(out.body) for out in work.outgoing if out.exchange == EVENTS]
        known = {key for key, form in self.model.forms.items() if form.opened_at is not None}
        for delivery, answer in _handled(work, in_hand):
            command, user = decoded(delivery.body), str(delivery.properties["user_id"])
            if answer is None:
                about = command["data"]
                self.model.filed((about["channel"], about["draft"]), datetime.fromisoformat(about["at"]))
                continue
            if overtaken and _wrote_nothing(work, command, answer):
                # Nothing that another could have changed: it came first, for what was then.
                if about := answer["data"].get("article"):
                    self.model.stands_as_answered(f"{command['type']} of {user}", about, or_before=True)
                continue
            told = self.model.take(command["type"], user, command["data"], work.now, answer, overtaken)
            said = [event for event in events if event.get("causationid") == command["id"]]
            self._announced(command, told, said)
        opened = [key for key, form in self.model.forms.items() if form.opened_at is not None and key not in known]
        armed = [timer.id for timer, _ in work.timers if isinstance(timer, Arm)]
        if len(armed) != len(opened):
            raise Broken(f"{len(opened)} forms were opened, {len(armed)} timers set: {armed}")
        self._timers |= zip(armed, opened, strict=True)
        for fired in work.fired:
            self.model.time_is_over(self._timers.pop(fired.id), work.now)

    def _announced(self, command: Event, told: Sequence[Told], events: Sequence[Event]) -> None:
        """What readers see of a change is told once for each language, as the article stands."""
        said = [_told_by(event) for event in events]
        if Counter(said) != Counter(told):
            raise Broken(f"{command['type']} {command['id']} is told as {said}, not as {told}")
        self._told.update(told)
        for event in events:
            self._as_it_stands(event["type"], event["data"]["article"])

    def _as_it_stands(self, type_: str, said: Event) -> None:
        article = self.model.articles[said["id"]]
        shown = article.live.get(said["language"])
        languages = sorted(article.live, key=lambda each: (each != article.language, each))
        wanted: dict[str, Any] = {"version": article.version, "languages": languages}
        wanted |= {"category": article.category, "audience": article.audience}
        if shown is not None:
            wanted |= _of_text(shown) | {"first_published_at": article.first[said["language"]]}
        _holds(f"{type_} of {article.id} in {said['language']}", said, wanted)

    # readers

    def viewed(self, user: str, data: Event, answer: Event) -> None:
        """`article.view`: a text that the reader may see, as it is now; otherwise as if there were no such article."""
        staff = user.startswith("agent.")
        article = self.model.articles.get(data["article_id"])
        seen = article.seen_by(staff) if article is not None else {}
        language = best(seen, data.get("language")) or min(seen, default=None)
        if article is None or language is None:
            if (answer["type"], answer["data"].get("code")) != ("command.rejected", "unknown_article"):
                raise Broken(f"{user} may not see {data['article_id']}, and is answered {answer}")
            return
        if answer["type"] != "article.viewed":
            raise Broken(f"{user} may see {article.id} in {language}, and is answered {answer}")
        shown = seen[language]
        wanted = _of_text(shown) | {"language": language, "category": article.category, "audience": article.audience}
        wanted["version"] = article.version if staff else shown.seen_at
        wanted["languages"] = sorted(seen, key=lambda each: (each != article.language, each))
        _holds(f"what {user} sees of {article.id}", answer["data"]["article"], wanted)

    def listed(self, user: str, data: Event, answer: Event) -> None:
        """`article.list` by `ids` or `changed_since`: what the reader may see, as it is now; ids of what is gone."""
        staff, language, gone = user.startswith("agent."), data.get("language"), []
        if "ids" in data:
            ids = [id_ for id_ in dict.fromkeys(data["ids"]) if self._hit(id_, staff, language) is not None]
        else:
            since = datetime.fromisoformat(data["changed_since"])
            of = {id_: each.told if staff else each.told_public for id_, each in self.model.articles.items()}
            changed = sorted((at, id_) for id_, at in of.items() if at is not None and at > since)[:20]
            ids = [id_ for _, id_ in changed if self._hit(id_, staff, language) is not None]
            gone = [id_ for _, id_ in changed if id_ not in ids]
        hits, withdrawn = answer["data"]["articles"], list(answer["data"].get("withdrawn", ()))
        if ([hit["id"] for hit in hits], withdrawn) != (ids, gone):
            raise Broken(
                f"{user} asked {data} and is shown {hits}, without {withdrawn}; there are {ids}, without {gone}"
            )
        for hit in hits:
            shown = self._hit(hit["id"], staff, language)
            assert shown is not None, "it is one of those"
            wanted = {"title": shown.text.title, "language": shown.text.language, "version": shown.seen_at}
            _holds(f"{hit['id']} in a list of {user}", hit, wanted)

    def _hit(self, id_: str, staff: bool, language: str | None) -> Shown | None:
        """The text that a list shows of an article."""
        article = self.model.articles.get(id_)
        seen = article.seen_by(staff) if article is not None else {}
        found = best(seen, language)
        return None if found is None else seen[found]

    # at rest

    def at_rest(self) -> None:
        """There is nothing left to do: judge the whole."""
        evidence = Evidence(
            sent=self.sent,
            heard=self._network.heard,
            events=[heard for heard in self._network.events if heard.type.startswith("article.")],
            outboxes={"knowledge": unsent(self._database)},
            queues={queue: len(self._network.queues[queue]) for queue in self._network.queues if "knowledge" in queue},
        )
        judged = (checker.one_outcome_a_command, checker.nothing_said_differently, checker.nothing_left_over)
        found = [sentence for guarantee in judged for sentence in guarantee(evidence)]
        found += [f"{dead.id} is in helpdesk.dead: {dead.reason}" for dead in self._network.dead]
        found += [*self._each_is_told_once(), *self._stored(), *self._counted(), *self._timed()]
        found += [
            f"{heard.user} heard what is for staff alone: {heard.type} {heard.id}"
            for heard in self._network.heard
            if not heard.user.startswith("agent.") and FOR_STAFF.encode() in heard.body
        ]
        if found:
            raise Broken("\n".join(found))

    def _each_is_told_once(self) -> Iterator[str]:
        ids: dict[Told, set[str]] = defaultdict(set)
        for heard in self._network.events:
            if heard.type.startswith("article."):
                ids[_told_by(heard.event)].add(heard.id)
        for told in self._told | ids.keys():
            if (count := len(ids.get(told, ()))) != (told in self._told):
                yield f"{told} was told {count} times"

    def _stored(self) -> Iterator[str]:
        """Articles, all versions of them, and what readers see."""
        articles = {row["_id"]: row for row in self._database["articles"].find()}
        if articles.keys() != self.model.articles.keys():
            yield f"stored are {sorted(articles)}, the model has {sorted(self.model.articles)}"
            return
        versions: dict[str, list[Document]] = defaultdict(list)
        for row in self._database["versions"].find().sort([("article", 1), ("version", 1)]):
            versions[row["article"]].append(row)
        published: dict[str, dict[str, Document]] = defaultdict(dict)
        for row in self._database["published"].find():
            published[row["article"]][row["language"]] = row
        for id_, article in self.model.articles.items():
            row = articles[id_]
            wanted: dict[str, Any] = {"version": article.version, "category": article.category}
            wanted |= {"audience": article.audience, "told": article.told, "told_public": article.told_public}
            yield from _differs(f"article {id_}", row, wanted)
            if {file["name"] for file in row["files"]} != set(article.files):
                yield f"article {id_} has the files {row['files']}, and should {sorted(article.files)}"
            history = [(each["version"], each["what"], each.get("by")) for each in versions[id_]]
            if history != [(number, *done) for number, done in enumerate(article.done, 1)]:
                yield f"the history of {id_} is {history}, and should be {article.done}"
            yield from self._texts(article, row, {each["version"]: each for each in versions[id_]}, published[id_])

    def _texts(
        self, article: Article, row: Document, versions: Mapping[int, Document], published: Mapping[str, Document]
    ) -> Iterator[str]:
        written = {number: each["text"]["body"] for number, each in versions.items() if each.get("text")}
        if written != {number: text.body for number, text in article.texts.items()}:
            yield f"the texts of {article.id} are {written}, and should be {article.texts}"
        drafts = {language: written.get(number) for language, number in row["drafts"].items()}
        if drafts != {language: text.body for language, text in article.drafts.items()}:
            yield f"the drafts of {article.id} are {drafts}, and should be {article.drafts}"
        live = {language: text for language, text in published.items() if text["live"]}
        if live.keys() != article.live.keys():
            yield f"{article.id} is published in {sorted(live)}, and should be in {sorted(article.live)}"
            return
        for language, shown in article.live.items():
            wanted = _of_text(shown) | {"version": shown.seen_at, "category": article.category}
            wanted |= {"audience": article.audience, "first_published_at": article.first[language]}
            yield from _differs(f"{article.id} in {language}", live[language], wanted)

    def _counted(self) -> Iterator[str]:
        counted: Counter[tuple[str, str, str]] = Counter()
        for row in self._database["tallies"].find():
            for what in ("viewed", "helped", "not_helped", "deflected"):
                counted[row["article"], row["day"], what] += row[what]
        wanted = self.model.counts()
        for key in wanted.keys() | counted.keys():
            if counted[key] != wanted[key]:
                yield f"{key} counts {counted[key]} times, and should {wanted[key]} times"
        forms = Counter(
            (tuple(row.get("articles", ())), row.get("opened_at"), row["filed"], row["counted"])
            for row in self._database["drafts"].find()
        )
        should = Counter(
            (tuple(form.articles), form.opened_at, form.filed, form.counted) for form in self.model.forms.values()
        )
        if forms != should:
            yield f"the forms are {forms - should}, and should be {should - forms}"

    def _timed(self) -> Iterator[str]:
        """One timer for each form that was opened and not looked at yet; and none is overdue."""
        due = {row["_id"]: row["due"] for row in self._database["timers"].find()}
        opened = {id_: self.model.forms[key].opened_at for id_, key in self._timers.items()}
        if due != {id_: at + DEFLECTED_AFTER for id_, at in opened.items() if at is not None}:
            yield f"the timers are {due}, for forms that were opened {opened}"
        yield from (f"the timer {id_} has been due since {at}" for id_, at in due.items() if at <= self._clock.now)


def _handled(work: Work, in_hand: Sequence[Delivery]) -> Iterator[tuple[Delivery, Event | None]]:
    """The messages that took effect in the turn, in its order, each with its outcome."""
    came = {
        f"{delivery.properties['user_id']}\x1f{decoded(delivery.body)['id']}": delivery
        for delivery in reversed(in_hand)
    }
    for handled in work.handled:
        if handled.key in came:
            yield came[handled.key], None if handled.answer_body is None else decoded(handled.answer_body)


def _wrote_nothing(work: Work, command: Event, answer: Event) -> bool:
    """A refusal; a move to where the article is already; a part or a file that is there."""
    is_there = command["type"] == "article.move" and "article_id" in (answer["data"].get("hints") or {})
    has_it = command["type"] == "article.attach" and not work.writes
    return bool(answer["type"] == "command.rejected" or is_there or has_it)


def _told_by(event: Event) -> Told:
    article = event["data"]["article"]
    return event["type"], article["id"], article["language"], article["version"]


def _of_text(shown: Shown) -> dict[str, Any]:
    return {"title": shown.text.title, "body": shown.text.body, "published_at": shown.published_at}


def _differs(what: str, said: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    differs = {name: (said.get(name), value) for name, value in wanted.items() if plain(said.get(name)) != value}
    if differs:
        yield f"{what} is otherwise than the rules have it (is, should be): {differs}"


def _holds(what: str, said: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for sentence in _differs(what, said, wanted):
        raise Broken(sentence)
