"""What the knowledge base has to do, in as little Python as possible: the model that knowledge is held to.

What each command makes of an article, or why it is refused; what readers see; what counts. It is written from the rules
(docs/knowledge.md), shares no code with the service, and learns what the database has committed, in that order. The
page is docs/testing.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.model.agents import STAFF
from tests.model.cases import PRIORITY, Broken, Data

CATEGORIES = (*PRIORITY, "desk")
OWN_LANGUAGE = "en"
OPERATOR = "operator"
DEFLECTED_AFTER = timedelta(hours=24)

Told = tuple[str, str, str, int]
"""An event: its type, the article, the language, the version."""


@dataclass
class Text:
    """What somebody wrote."""

    language: str
    title: str
    body: str


@dataclass
class Shown:
    """A text as readers see it. `seen_at`: the article's version when they last saw a change of it."""

    text: Text
    seen_at: int
    published_at: datetime


@dataclass
class Article:
    """An article, as the rules speak of it."""

    id: str
    category: str
    audience: str
    language: str
    version: int = 0
    done: list[tuple[str, str | None]] = field(default_factory=list)
    """What was done in each version, and by whom."""
    texts: dict[int, Text] = field(default_factory=dict)
    drafts: dict[str, Text] = field(default_factory=dict)
    live: dict[str, Shown] = field(default_factory=dict)
    first: dict[str, datetime] = field(default_factory=dict)
    """When it was first published in each language."""
    parts: dict[tuple[str, ...], set[int]] = field(default_factory=dict)
    """Of each file that somebody brings, the parts that are there."""
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    told: datetime | None = None
    """When staff last saw a change of it; `told_public`: when everybody did."""
    told_public: datetime | None = None

    @property
    def stands(self) -> Data:
        """What answers to editors say of it."""
        return {
            "version": self.version,
            "category": self.category,
            "audience": self.audience,
            "drafts": sorted(self.drafts),
            "published": sorted(self.live, key=lambda each: (each != self.language, each)),
        }

    def seen_by(self, staff: bool) -> Mapping[str, Shown]:
        """What this reader sees, by language."""
        return self.live if staff or self.audience == "public" else {}


@dataclass
class Form:
    """A form of a channel from whose suggestions articles were opened."""

    articles: list[str] = field(default_factory=list)
    opened_at: datetime | None = None
    filed: bool = False
    counted: bool = False


@dataclass
class Ruling:
    """The codes with which a command may be refused, or what it does: the events that tell of it."""

    codes: set[str] = field(default_factory=set)
    effect: Callable[[], list[Told]] | None = None


def best(languages: Collection[str], wanted: str | None) -> str | None:
    """Which of an article's languages somebody gets who wants this one: it, the same elsewhere, the desk's own; any if
    they want none."""
    for language in (wanted or OWN_LANGUAGE, OWN_LANGUAGE):
        alike = [each for each in languages if each.partition("-")[0] == language.partition("-")[0]]
        if alike:
            return language if language in alike else min(alike)
    return min(languages, default=None) if wanted is None else None


class Library:
    """Takes commands in the order in which they were committed."""

    def __init__(self) -> None:
        self.articles: dict[str, Article] = {}
        self.viewed: set[tuple[str, ...]] = set()
        """Which (article, day, channel, session) was opened."""
        self.votes: dict[tuple[str, ...], bool] = {}
        self.forms: dict[tuple[str, str], Form] = {}
        """By (channel, draft), in the order in which they were first heard of."""
        self.public_before: set[str] = set()
        """What everybody saw before another instance came between."""
        self.before: Mapping[str, Data] = {}
        """How each article stood then."""

    @property
    def public(self) -> set[str]:
        """Articles that everybody sees."""
        return {id_ for id_, article in self.articles.items() if article.seen_by(staff=False)}

    def take(self, type_: str, user: str, data: Data, now: datetime, answer: Data, overtaken: bool) -> list[Told]:
        """One command that was committed, with its outcome; returns what has to be told of it. Raises `Broken`.

        `overtaken`: another instance stored something between what was read and this.
        """
        ruling = self._of_reader(type_, user, data, now, overtaken) or self._of_editor(type_, user, data, now, answer)
        came, said = answer["type"], answer["data"]
        if came == "command.rejected" and said["code"] in ruling.codes:
            return []
        if came == "command.rejected" or ruling.effect is None:
            code = said.get("code", "")
            raise Broken(f"{type_} of {user} was answered {came} {code}, not {sorted(ruling.codes) or 'done'}: {data}")
        versions = {id_: article.version for id_, article in self.articles.items()}
        told = ruling.effect()
        if about := said.get("article"):
            # What changes nothing of the article (a part of a file) may be answered with the article as it was read.
            changed = versions.get(about["id"]) != self.articles[about["id"]].version
            self.stands_as_answered(f"{type_} of {user}", about, or_before=overtaken and not changed)
        return told

    def another_comes_between(self) -> None:
        """Another instance stores something between what was read and what is committed next."""
        self.public_before = self.public
        self.before = {article.id: article.stands for article in self.articles.values()}

    def stands_as_answered(self, what: str, said: Data, or_before: bool) -> None:
        """The article is as an answer says, or (`or_before`) as it was before another instance came between. Raises
        `Broken`."""
        stands = self.articles[said["id"]].stands
        shown = {name: said[name] for name in stands}
        if shown != stands and not (or_before and shown == self.before.get(said["id"])):
            differs = {name: (shown[name], value) for name, value in stands.items() if shown[name] != value}
            raise Broken(f"{what}: {said['id']} is said to be otherwise (said, is): {differs}")

    # editors

    def _of_editor(self, type_: str, user: str, data: Data, now: datetime, answer: Data) -> Ruling:
        by = data.get("agent_id")
        if user != OPERATOR and "editor" not in STAFF.get(by or "", {}).get("roles", ()):
            return Ruling({"forbidden"})
        faults = {"invalid"} if "<" in data.get("body", "") else set()
        id_ = data.get("article_id") or (answer["data"].get("article") or {}).get("id", "")
        article = self.articles.get(id_)
        if type_ == "article.save" and (article is None or "article_id" not in data):
            return self._made(data, id_, by, now, faults, is_new=article is None)
        if article is None:
            return Ruling({"unknown_article"})
        if data.get("expected_version") not in (None, article.version):
            return Ruling({"conflict"})
        effect, more = self._changes(article, type_, user, data, now)
        faults |= more
        return Ruling(faults) if faults else Ruling(effect=effect)

    def _made(self, data: Data, id_: str, by: str | None, now: datetime, faults: set[str], is_new: bool) -> Ruling:
        if data.get("category") is None:
            faults.add("invalid")
        elif data["category"] not in CATEGORIES:
            faults.add("unknown_category")
        if "expected_version" in data:
            faults.add("unknown_article")
        if faults:
            return Ruling(faults)

        def effect() -> list[Told]:
            if not is_new:
                raise Broken(f"the id {id_} was given twice")
            made = Article(id_, data["category"], data.get("audience", "public"), data.get("language", OWN_LANGUAGE))
            self.articles[id_] = made
            return self._drafted(made, "saved", by, Text(made.language, data["title"], data["body"]))

        return Ruling(effect=effect)

    def _changes(
        self, article: Article, type_: str, user: str, data: Data, now: datetime
    ) -> tuple[Callable[[], list[Told]], set[str]]:
        """What the command does to the article, and all reasons for which it cannot: the desk may name any of them."""
        by, language, faults = data.get("agent_id"), data.get("language"), set()
        match type_:
            case "article.save":
                text = Text(article.language, data["title"], data["body"])
                return lambda: self._drafted(article, "saved", by, text), set()
            case "article.translate":
                faults = {"invalid"} if language == article.language else set()
                text = Text(data["language"], data["title"], data["body"])
                return lambda: self._drafted(article, "translated", by, text), faults
            case "article.restore":
                old = article.texts.get(data["version"])
                restored = old or Text("", "", "")
                return lambda: self._drafted(article, "restored", by, restored), {"invalid"} if old is None else set()
            case "article.publish":
                chosen = [each for each in sorted(article.drafts) if language in (None, each)]
                return lambda: self._published(article, by, chosen, now), set() if chosen else {"wrong_status"}
            case "article.withdraw":
                chosen = [each for each in sorted(article.live) if language in (None, each)]
                return lambda: self._withdrawn(article, by, chosen, now), set() if chosen else {"wrong_status"}
            case "article.move":
                faults = {"unknown_category"} if data.get("category", "desk") not in CATEGORIES else set()
                return lambda: self._moved(article, by, data, now), faults
            case "article.attach":
                return lambda: self._attached(article, by, user, data, now), set()
            case "article.detach":
                there = data["name"] in article.files
                return lambda: self._detached(article, by, data["name"], now), set() if there else {"invalid"}
        raise AssertionError(f"{type_} is no command of the model")

    def _next(self, article: Article, what: str, by: str | None) -> None:
        article.version += 1
        article.done.append((what, by))

    def _drafted(self, article: Article, what: str, by: str | None, text: Text) -> list[Told]:
        self._next(article, what, by)
        article.texts[article.version] = article.drafts[text.language] = text
        return []

    def _published(self, article: Article, by: str | None, languages: list[str], now: datetime) -> list[Told]:
        self._next(article, "published", by)
        for language in languages:
            article.first.setdefault(language, now)
            article.live[language] = Shown(article.drafts.pop(language), article.version, now)
        self._tell(article, now)
        return [("article.published", article.id, language, article.version) for language in languages]

    def _withdrawn(self, article: Article, by: str | None, languages: list[str], now: datetime) -> list[Told]:
        self._next(article, "withdrawn", by)
        for language in languages:
            article.drafts.setdefault(language, article.live.pop(language).text)
        self._tell(article, now)
        return [("article.withdrawn", article.id, language, article.version) for language in languages]

    def _moved(self, article: Article, by: str | None, data: Data, now: datetime) -> list[Told]:
        place = (data.get("category", article.category), data.get("audience", article.audience))
        if place == (article.category, article.audience):
            return []
        self._next(article, "moved", by)
        was_public = article.audience == "public"
        article.category, article.audience = place
        if article.live:
            article.told = now
            if was_public or article.audience == "public":
                article.told_public = now
        return self._seen_again(article)

    def _seen_again(self, article: Article) -> list[Told]:
        """Readers see another version of each text, though its words are the same."""
        for shown in article.live.values():
            shown.seen_at = article.version
        return [("article.published", article.id, language, article.version) for language in sorted(article.live)]

    def _attached(self, article: Article, by: str | None, user: str, data: Data, now: datetime) -> list[Told]:
        """With the last part the article has the file; a part that comes again changes nothing while it has it."""
        file = (user, data["upload"], data["name"])
        there = article.parts.setdefault(file, set())
        there.add(data["part"])
        if there == set(range(1, data["parts"] + 1)) and article.files.get(data["name"]) != file:
            article.files[data["name"]] = file
            self._next(article, "attached", by)
            if article.live:
                self._tell(article, now)
            return self._seen_again(article)
        return []

    def _detached(self, article: Article, by: str | None, name: str, now: datetime) -> list[Told]:
        del article.files[name]
        self._next(article, "detached", by)
        if article.live:
            self._tell(article, now)
        return self._seen_again(article)

    def _tell(self, article: Article, now: datetime) -> None:
        article.told = now
        if article.audience == "public":
            article.told_public = now

    # readers

    def _of_reader(self, type_: str, user: str, data: Data, now: datetime, overtaken: bool) -> Ruling | None:
        if type_ not in ("article.opened", "article.helped"):
            return None
        id_ = data["article_id"]
        key = (id_, now.date().isoformat(), user, data["session"])

        def effect() -> list[Told]:
            if type_ == "article.opened":
                self.viewed.add(key)
            else:
                self.votes[key] = data["helped"]
            if data.get("draft") is not None:
                self._opened_from((user, data["draft"]), id_, now)
            return []

        public = id_ in self.public
        codes = set() if public else {"unknown_article"}
        # What was public when it was looked at may be opened, whatever has become of it since.
        return Ruling(codes, effect if public or (overtaken and id_ in self.public_before) else None)

    def _opened_from(self, key: tuple[str, str], article: str, now: datetime) -> None:
        form = self.forms.setdefault(key, Form())
        if form.filed or form.counted:
            return
        form.opened_at = form.opened_at or now
        if now < form.opened_at + DEFLECTED_AFTER and article not in form.articles:
            form.articles.append(article)

    def filed(self, key: tuple[str, str], at: datetime) -> None:
        """Something was filed from the form at that time."""
        form = self.forms.setdefault(key, Form())
        if form.opened_at is None or at < form.opened_at + DEFLECTED_AFTER:
            form.filed, form.counted = True, False

    def time_is_over(self, key: tuple[str, str], now: datetime) -> None:
        """The form's timer fires."""
        form = self.forms[key]
        if form.opened_at is None or now < form.opened_at + DEFLECTED_AFTER:
            raise Broken(f"the form {key} is looked at {now}, opened at {form.opened_at}")
        form.counted = not form.filed

    def counts(self) -> Counter[tuple[str, str, str]]:
        """How often what was counted: by article (`*`: the desk), day, and what."""
        found = Counter((article, day, "viewed") for article, day, *_ in self.viewed)
        found.update(
            (article, day, "helped" if helped else "not_helped") for (article, day, *_), helped in self.votes.items()
        )
        for form in self.forms.values():
            if form.counted and form.opened_at is not None:
                day = form.opened_at.date().isoformat()
                found.update((article, day, "deflected") for article in (*form.articles, "*"))
        return found
