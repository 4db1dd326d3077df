"""The model-based test of the knowledge base: hypothesis plays editors, readers, forms from which something is filed,
and all that goes wrong.

A machine of its own: articles meet tickets in one event, `draft.filed`, whose telling machine.py watches. So each step
is about articles, and costs one service. The page is docs/testing.md.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from contracts.envelope import rfc3339
from contracts.names import AGENT_PREFIX
from tests.model.articles import DEFLECTED_AFTER, OPERATOR, Library
from tests.model.articles_witness import FOR_STAFF, ArticlesWitness
from tests.model.drawn import CHANNELS, SOON, instances, places, then
from tests.model.steps import Machine

ARTICLES = ("a1", "a2", "inside")
"""Those that are written. `inside` is internal all its life."""
NO_ARTICLE = "nothing"
EDITORS = ("e1", "e2", "e1", "e2", "e1", "e2", "e1", "e2", OPERATOR, OPERATOR, "a1", "a9")
"""Editors, the operator, and some who are neither."""
CATEGORIES = ("desk", "billing", "desk", "billing", "lost-umbrellas")
LANGUAGES = ("de", "fr", "de-AT", "en")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
WRITES = ("save", "save", "save", "translate", "translate", "restore")
CHANGES = ("publish", "publish", "publish", "withdraw", "withdraw", "move", "move")


class KnowledgeBase(Machine):
    """The knowledge base of one desk from empty, with nothing but knowledge."""

    services = ("knowledge",)
    fires = ("knowledge",)
    takes = ("knowledge.desk", "knowledge.commands", "knowledge.events")

    def __init__(self) -> None:
        super().__init__()
        self.model = Library()
        self.witness: ArticlesWitness = ArticlesWitness(self.desk, self.model)
        for place in range(len(ARTICLES)):
            self.editor_writes("save", 0, place, 3, 11, "settle")
        for place in (0, 2):
            self.editor_changes("publish", 0, place, 3, 11, "settle")

    # editors

    @rule(
        what=st.sampled_from(WRITES),
        who=places,
        article=places,
        how=places,
        expecting=places,
        then=then,
    )
    def editor_writes(self, what: str, who: int, article: int, how: int, expecting: int, then: str) -> None:
        id_, words = self._article(article), f"Text {len(self.sent)}"
        internal = id_ == "inside"
        text = {"title": f"Title {len(self.sent)}", "body": words + (f" {FOR_STAFF}" if internal else "")}
        if how == 11:
            text["body"] += " in <b>bold</b>"
        more: Mapping[str, Mapping[str, Any]] = {
            "save": {**text, "category": CATEGORIES[how % 5], "audience": "internal" if internal else "public"},
            "translate": {**text, "language": LANGUAGES[how % 4]},
            "restore": {"version": how + 1},
        }
        data = {"article_id": id_, **more[what]}
        if what == "save" and how == 10:
            del data["category"]
        if what == "save" and article == 10 and not internal:
            del data["article_id"]  # the title makes one
            data["title"] = "A title"
        self._edit(who, f"article.{what}", data, expecting, then)

    @rule(what=st.sampled_from(CHANGES), who=places, article=places, how=places, expecting=places, then=then)
    def editor_changes(self, what: str, who: int, article: int, how: int, expecting: int, then: str) -> None:
        id_ = self._article(article)
        place = {"category": CATEGORIES[how % 5]} if how % 3 == 0 or id_ == "inside" else {}
        if how % 3 and id_ != "inside":
            place["audience"] = "internal" if how % 2 else "public"
        language = {"language": LANGUAGES[how % 4]} if how > 5 else {}
        data = {"article_id": id_, **(place if what == "move" else language)}
        self._edit(who, f"article.{what}", data, expecting, then)

    @rule(who=places, article=places, how=places, meanwhile=st.booleans(), then=then)
    def editor_writes_and_publishes(self, who: int, article: int, how: int, meanwhile: bool, then: str) -> None:
        """One right after the other; `meanwhile`, another editor withdraws or moves it."""
        self.editor_writes(("save", "translate", "restore")[how % 3], who, article, how % 9, 11, "wait")
        if meanwhile:
            self.editor_changes(("withdraw", "move")[how % 2], how % 8, article, how, 11, "wait")
        self.editor_changes("publish", who, article, 0, 11, then)

    @rule(who=places, article=places, what=places, both=st.booleans(), then=then)
    def editor_brings_a_file(self, who: int, article: int, what: int, both: bool, then: str) -> None:
        """One of two parts, or both at once; or takes a file away."""
        id_, name = self._article(article), ("clock.png", "map.png")[what % 2]
        if what > 8:
            self._edit(who, "article.detach", {"article_id": id_, "name": name}, 11, then)
            return
        for part in (1, 2) if both else (1 + what // 2 % 2,):
            file = {"upload": f"u{what % 3}", "name": name, "part": part, "parts": 2, "content": _BASE64[part]}
            self._edit(who, "article.attach", {"article_id": id_, **file}, 11, "wait" if both and part == 1 else then)

    # readers

    @rule(channel=places, article=places, sessions=st.lists(places, max_size=3), form=places, then=then)
    def several_read(self, channel: int, article: int, sessions: list[int], form: int, then: str) -> None:
        """At once, some of them the same, from one form or another; some vote, and some more than once."""
        for session in sessions:
            self.somebody_reads(channel, article, session, form, session > 6, "wait")
        self.somebody_reads(channel, article, sum(sessions), form, False, then)

    @rule(channel=places, article=places, session=places, form=places, votes=st.booleans(), then=then)
    def somebody_reads(self, channel: int, article: int, session: int, form: int, votes: bool, then: str) -> None:
        """Opens an article, or says whether it helped; from a form, mostly."""
        public = sorted(self.model.public)
        id_ = public[article % len(public)] if public and article < 9 else self._article(article)
        data: dict[str, Any] = {"article_id": id_, "session": f"s{session % 3}"}
        if form < 9:
            data["draft"] = self._form(form)
        if votes:
            data |= {"helped": bool(session % 2)} | ({"words": "It is clear."} if form % 2 else {})
        self._send(CHANNELS[channel % 2], "article.helped" if votes else "article.opened", data, then)

    @rule(channel=places, form=places, soon=st.none() | st.sampled_from(SOON), late=st.booleans(), then=then)
    def something_is_filed(self, channel: int, form: int, soon: timedelta | None, late: bool, then: str) -> None:
        """From a form: now, or (`soon`) when its 24 hours were over, or nearly. `late`: after its timer."""
        key = (CHANNELS[channel % 2], self._form(form))
        opened_at = self.model.forms[key].opened_at if key in self.model.forms else None
        at = self.desk.clock.now
        if soon is not None and opened_at is not None:
            at = max(opened_at, opened_at + DEFLECTED_AFTER + soon)
            self.desk.clock.now = max(self.desk.clock.now, at)
            if late:
                self.desk.fire("knowledge")
        self._tell({"channel": key[0], "draft": key[1], "at": rfc3339(at)}, then)

    @rule(agent=st.booleans(), article=places, language=places, since=places, what=places, n=instances)
    def somebody_looks(self, agent: bool, article: int, language: int, since: int, what: int, n: int) -> None:
        """A channel or an agent looks at an article, or at a list: at what was committed, whatever is under way."""
        user = f"{AGENT_PREFIX}a1" if agent else CHANNELS[article % 2]
        data: dict[str, Any] = {"agent_id": "a1"} if agent else {}
        if language < 8:
            data["language"] = LANGUAGES[language % 4]
        if what < 6:
            data["article_id"] = self._article(article)
            self.witness.viewed(user, data, self.desk.ask("knowledge", user, "article.view", data, n))
            return
        if what < 9:
            data["ids"] = [*self.model.articles, NO_ARTICLE]
        else:
            times = sorted(at for each in self.model.articles.values() for at in (each.told, each.told_public) if at)
            data["changed_since"] = rfc3339(times[since % len(times)] if times else self.desk.clock.now)
        self.witness.listed(user, data, self.desk.ask("knowledge", user, "article.list", data, n))

    # time

    @precondition(lambda self: self.model.forms)
    @rule(which=places, soon=st.sampled_from(SOON))
    def until_it_matters(self, which: int, soon: timedelta) -> None:
        """To the end of a form's 24 hours, or of the day: just before, at, or just after it."""
        now = self.desk.clock.now
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        ends = {form.opened_at + DEFLECTED_AFTER for form in self.model.forms.values() if form.opened_at is not None}
        ends |= {midnight + timedelta(days=days) for days in (1, 2)}
        coming = [at for at in sorted(ends) if at + soon > now]
        self.desk.clock.now = coming[which % len(coming)] + soon
        self._count("time: to a moment of the rules")

    def teardown(self) -> None:
        """After the last step."""
        super().teardown()
        self._count(*(f"counted: {what}" for _, _, what in self.model.counts().elements()))

    # how

    def _edit(self, who: int, type_: str, data: Mapping[str, Any], expecting: int, then: str) -> None:
        editor = EDITORS[who]
        user = editor if editor == OPERATOR else f"{AGENT_PREFIX}{editor}"
        data = {**data} if editor == OPERATOR else {"agent_id": editor, **data}
        known = self.model.articles.get(data.get("article_id", ""))
        if expecting < 3 and known is not None:
            data["expected_version"] = max(1, known.version - expecting)
        self._send(user, type_, data, then)

    def _send(self, user: str, type_: str, data: Mapping[str, Any], then: str) -> None:
        super()._send(user, type_, data, then)
        if user == OPERATOR:
            self.witness.sent.pop()  # who hears outcomes only where they ask for them

    def _tell(self, data: Mapping[str, Any], then: str) -> None:
        """As intake tells that something was filed."""
        id_ = f"c{len(self.sent)}"
        self.sent.append(("intake", "draft.filed", data, id_))
        self._publish("intake", "draft.filed", data, id_, then)

    def _overtake(self, queue: str, n: int) -> None:
        self.model.another_comes_between()
        super()._overtake(queue, n)

    def _form(self, place: int) -> str:
        """One of the newest forms, or a new one: forms from which something was filed count no more."""
        return f"f{max(0, len(self.model.forms) // 2 - place % 3)}"

    def _article(self, place: int) -> str:
        """Mostly one of those that are written; sometimes one whose title made its id, or one that does not exist."""
        if place == 11:
            return NO_ARTICLE
        known = [*ARTICLES, *(id_ for id_ in self.model.articles if id_ not in ARTICLES)]
        return known[place % len(known)]


_BASE64 = {1: b64encode(PNG).decode(), 2: b64encode(b"the rest").decode()}
