"""The checker can fail: a knowledge base in order has no problems, and each way of being out of order is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.system.articles import OF_ARTICLES, hashed
from tests.system.breaches import NOW, Breach, broken, event, silent
from tests.system.evidence import FOR_STAFF, Asked, Evidence, Sent

DAY = "2026-01-05"
INSIDE = {"id": "inside", "language": "en", "version": 2, "title": "inside in en", "body": "About inside in en."}


def sent(user: str, type_: str, id_: str, data: dict[str, Any]) -> Sent:
    return Sent(user, id_, type_, json.dumps({"data": data}).encode())


class Told:
    """Evidence in the making."""

    def __init__(self) -> None:
        self.evidence = Evidence()
        self.articles: dict[str, dict[str, Any]] = {}

    def does(self, type_: str, id_: str, what: str, *, told: tuple[str, ...] = (), **version: Any) -> None:
        """An editor's command that is accepted. `told`: the languages of its events; `version`: fields of the
        version."""
        of = self.articles.setdefault(
            id_, {"_id": id_, "version": 0, "category": "desk", "audience": "public", "drafts": {}, "live": {}}
        )
        of["version"] += 1
        number, command = of["version"], f"{id_}.{of['version']}"
        text = version.get("text")
        body = {"body": text["body"]} if text is not None else {}
        self.evidence.sent.append(sent("agent.a1", type_, command, {"article_id": id_, **body}))
        answer = {"article": {"id": id_, "version": number}}
        self.evidence.heard.append(event("command.accepted", f"o.{command}", answer, "agent.a1", command))
        row = {"_id": f"{id_}/{number}", "article": id_, "version": number, "what": what, "by": "a1", **version}
        self.evidence.article_versions.append(row)
        for language in told:
            told_as = "article.withdrawn" if what == "withdrawn" else "article.published"
            self.evidence.events.append(
                event(told_as, f"e.{command}.{language}", {"article": self.text(id_, language)}, cause=command)
            )

    def text(self, id_: str, language: str) -> dict[str, Any]:
        """A text as an event tells it, and an answer."""
        of = self.articles[id_]
        said = {"title": f"{id_} in {language}", "body": f"About {id_} in {language}."}
        return {
            "id": id_,
            "language": language,
            **{name: of[name] for name in ("version", "category", "audience")},
            **said,
        }

    def publishes(self, id_: str, language: str, version: int, written: int) -> None:
        """What is stored of a text that readers see in the end."""
        text = {**self.text(id_, language), "version": version}
        row = {"_id": f"{id_}/{language}", "article": text.pop("id"), **text, "live": True, "written": written}
        self.evidence.published.append(row)
        self.articles[id_]["live"][language] = written


def in_order() -> Evidence:
    """`guide` was written, translated, made internal and public again, and is withdrawn in German; `inside` was
    internal all its life. Two people have read `guide`, and one of them has filed all the same."""
    told = Told()
    evidence = told.evidence
    for id_, audience in (("guide", "public"), ("inside", "internal")):
        english = {"title": f"{id_} in en", "body": f"About {id_} in en."}
        told.does("article.save", id_, "saved", language="en", text=english)
        told.articles[id_]["audience"] = audience
        told.does("article.publish", id_, "published", language="en", told=("en",))
    german = {"title": "guide in de", "body": "About guide in de."}
    told.does("article.translate", "guide", "translated", language="de", text=german)
    told.does("article.publish", "guide", "published", told=("de",))
    for old, new in (("public", "internal"), ("internal", "public")):
        told.articles["guide"]["audience"] = new
        told.does("article.move", "guide", "moved", reason=f"audience: {old} → {new}", told=("en", "de"))
    told.does("article.withdraw", "guide", "withdrawn", language="de", told=("de",))
    told.articles["guide"]["drafts"] = {"de": 3}
    told.publishes("guide", "en", 6, 1)
    told.publishes("inside", "en", 2, 1)
    evidence.articles = list(told.articles.values())
    digest = hashed("guide/en/6/public") ^ hashed("inside/en/2/internal")
    evidence.indexes = {"knowledge 1": (2, digest), "knowledge 2": (2, digest)}
    evidence.found = {"web": {("guide", "en", 6)}, "agent.a1": {("guide", "en", 6), ("inside", "en", 2)}}
    seen = {**told.text("guide", "en"), "version": 6}
    last = len(evidence.heard)
    evidence.asked = [
        Asked("web", "article.view", {"article_id": "guide"}, last, "article.viewed", {"article": seen}),
        Asked("web", "article.search", {"words": "g"}, last, "article.found", {"articles": [without(seen, "body")]}),
        Asked("web", "article.view", {"article_id": "inside"}, last, "command.rejected", {"code": "unknown_article"}),
        Asked(
            "agent.a1", "article.search", {"words": "g"}, last, "article.found", {"articles": [{"title": FOR_STAFF}]}
        ),
    ]
    for number, session in enumerate(("s1", "s1", "s2")):
        read = {"article_id": "guide", "session": session, "draft": "f"}
        reader_does(evidence, "article.opened", f"r{number}", read)
    for number, helped in enumerate((True, False)):
        reader_does(
            evidence, "article.helped", f"h{number}", {"article_id": "guide", "session": "s1", "helped": helped}
        )
    counts = {"viewed": 2, "helped": 0, "not_helped": 1, "deflected": 0}
    evidence.tallies = [{"article": "guide", "day": DAY, **counts}]
    ticket = {"draft": "f", "ticket": {"id": "t1", "version": 1}}
    evidence.events.append(event("ticket.opened", "t1.1", ticket, cause="c1"))
    evidence.events.append(event("draft.filed", "filed", {"channel": "web", "draft": "f"}, cause="c1"))
    evidence.forms = [{"articles": ["guide"], "filed": True}]
    evidence.other_timers = [{"kind": "deflected", "about": "d", "due": NOW + timedelta(days=1)}]
    return evidence


def reader_does(evidence: Evidence, type_: str, id_: str, data: dict[str, Any]) -> None:
    evidence.sent.append(sent("web", type_, id_, data))
    evidence.heard.append(event("command.accepted", f"o.{id_}", {}, "web", id_))


def without(said: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in names}


def told_again(evidence: Evidence, id_: str, **data: Any) -> None:
    """The event once more, with an id of its own, or otherwise."""
    first = next(each.event for each in evidence.events if each.id == id_)
    article = {**first["data"].get("article", {}), **data}
    evidence.events.append(
        event(
            first["type"], "x" if not data else id_, {**first["data"], "article": article}, cause=first["causationid"]
        )
    )


def untold(evidence: Evidence, id_: str) -> None:
    evidence.events = [each for each in evidence.events if each.id != id_]


def answers_with(evidence: Evidence, place: int, **changed: Any) -> None:
    evidence.asked[place] = replace(evidence.asked[place], **changed)


def again(evidence: Evidence) -> None:
    """Another command that claims the first version."""
    evidence.sent.append(replace(evidence.sent[0], id="again"))
    answer = {"article": {"id": "guide", "version": 1}}
    evidence.heard.append(event("command.accepted", "o.again", answer, "agent.a1", "again"))


def found_german(evidence: Evidence) -> None:
    """A text that was withdrawn before the channel asked."""
    hit = {**without(dict(evidence.asked[0].said["article"]), "body"), "language": "de", "version": 6}
    answers_with(evidence, 1, said={"articles": [hit]})


BREACHES: list[Breach] = [
    ("a version lost", lambda e: e.article_versions.pop(), "its history has [1, 2, 3, 4, 5, 6]"),
    ("a version that nobody knows", lambda e: e.articles.pop(), "inside, which is not stored"),
    ("a command that was lost", lambda e: e.sent.pop(0), "nobody was told that they made version 1 of guide"),
    (
        "two commands of one version",
        again,
        "version 1 of guide is of 2 commands",
    ),
    ("another's version", lambda e: e.article_versions[0].update(by="a2"), "that was saved by a2"),
    ("a text that was lost", lambda e: e.article_versions[0].update(text={"title": "t", "body": "b"}), "another text"),
    ("an event that was lost", lambda e: untold(e, "e.guide.2.en"), "version 2 was told 0 times"),
    ("an event twice", lambda e: told_again(e, "e.guide.2.en"), "version 2 was told 2 times"),
    ("an event of nothing", lambda e: told_again(e, "e.guide.2.en", version=3), "version 3 was told 1 times"),
    ("an event with another text", lambda e: told_again(e, "e.guide.2.en", body="b"), "not as the article stood"),
    (
        "an event with another audience",
        lambda e: told_again(e, "e.guide.5.en", audience="public"),
        "not as the article",
    ),
    ("a text that is still there", lambda e: e.articles[0]["live"].update(de=3), "and should {'en': 1}"),
    ("a text that is not there", lambda e: e.published.pop(), "readers do not see inside in en"),
    (
        "a text that was withdrawn",
        lambda e: e.published.append({**e.published[0], "language": "de"}),
        "see guide in de",
    ),
    ("an old text", lambda e: e.published[0].update(version=2), "otherwise than it was published"),
    (
        "an index that differs",
        lambda e: e.indexes.update({"knowledge 2": (2, 1)}),
        "the index of knowledge 2 has (2, 1)",
    ),
    ("a text that is not found", lambda e: e.found["web"].clear(), "web finds the article guide 0 times"),
    ("what is internal is found", lambda e: e.found["web"].add(("inside", "en", 2)), "not published for them"),
    (
        "what is internal was shown",
        lambda e: answers_with(e, 2, answer="article.viewed", said={"article": INSIDE}),
        "not public",
    ),
    ("what was withdrawn was found", lambda e: found_german(e), "guide in de, which was not public"),
    (
        "a view of an old version",
        lambda e: e.asked[0].said["article"].update(version=2),
        "guide in en, which was not public",
    ),
    (
        "a view of another text",
        lambda e: e.asked[0].said["article"].update(body="b"),
        "guide in en, which was not public",
    ),
    ("what is public was not shown", lambda e: answers_with(e, 0, answer="command.rejected"), "which was public"),
    (
        "an internal word",
        lambda e: answers_with(e, 0, said={"article": {**e.asked[0].said["article"], "x": FOR_STAFF}}),
        "what is internal",
    ),
    ("an internal word told", lambda e: e.heard.append(event("m", "m", {"w": FOR_STAFF}, "web")), "heard what is"),
    ("a count off by one", lambda e: e.tallies[0].update(viewed=3), f"viewed 3 times on {DAY}, instead of 2"),
    ("a vote that was not replaced", lambda e: e.tallies[0].update(helped=1), "helped 1 times"),
    ("a day without its counts", lambda e: e.tallies.clear(), "not_helped 0 times"),
    ("what counts as deflected at once", lambda e: e.tallies[0].update(deflected=1), "deflected 1 times"),
    ("a form that was filed and is not", lambda e: e.forms[0].update(filed=False), "1 forms are stored as"),
    ("a form without its article", lambda e: e.forms[0].update(articles=[]), "0 forms are stored as"),
    ("a form twice", lambda e: e.forms.append(e.forms[0]), "2 forms are stored as"),
    ("a form not told of", lambda e: untold(e, "filed"), "what c1 filed from a form is told 0 times"),
    ("a form told of twice", lambda e: told_again(e, "filed"), "what c1 filed from a form is told 2 times"),
    ("a timer that is gone", lambda e: e.other_timers.clear(), "0 timers look at forms"),
    ("a timer too late", lambda e: e.other_timers[0].update(due=NOW), "not due 24 hours later"),
]


def problems(evidence: Evidence) -> list[str]:
    return [sentence for guarantee in OF_ARTICLES for sentence in guarantee(evidence)]


def test_a_knowledge_base_in_order_has_no_problems() -> None:
    assert problems(in_order()) == []


@pytest.mark.parametrize(("what", "break_it", "sentence"), BREACHES, ids=[what for what, _, _ in BREACHES])
def test_what_is_out_of_order_is_found(what: str, break_it: Callable[[Evidence], Any], sentence: str) -> None:
    found = problems(broken(in_order(), break_it))
    assert any(sentence in complaint for complaint in found), found


def test_every_guarantee_is_broken_by_one_of_these() -> None:
    """Every guarantee speaks at least once."""
    assert not silent(OF_ARTICLES, in_order(), BREACHES)


def test_what_was_public_when_it_was_asked_for_may_be_shown() -> None:
    """Between what its editors had heard of when a channel asked, and what they did later, any version will do."""
    evidence = in_order()
    old = {**evidence.asked[0].said["article"], "version": 2}
    answers_with(evidence, 0, heard_before=2, said={"article": old})
    assert problems(evidence) == []
    answers_with(evidence, 0, answer="command.rejected")
    assert problems(evidence) == [], "it was internal for a while"
