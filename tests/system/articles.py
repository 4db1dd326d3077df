"""Says whether the knowledge base of a help desk at rest is in order: versions, events, what is published, found, shown
and counted, seen together.

Pure, as checker.py, whose guarantees these are too. It plays each article's history once more, from what was done with
it (docs/knowledge.md), and shares no code with the service. The page is docs/testing.md.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from hashlib import blake2b
from operator import xor
from typing import Any

from services.chassis.database import Document
from tests.system.evidence import FOR_STAFF, Evidence, Heard, Sent

DONE = {
    "article.save": "saved",
    "article.translate": "translated",
    "article.restore": "restored",
    "article.publish": "published",
    "article.withdraw": "withdrawn",
    "article.move": "moved",
}
"""Commands of editors, and what the version that each makes says was done."""

COUNTED = {"article.opened", "article.helped"}
DEFLECTED = "deflected"
"""The timer of a form from which an article was opened."""

DEFLECTED_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as readers see it. `version`: of the article when they last saw a change; `written`: that wrote the
    text."""

    version: int
    written: int
    category: str
    audience: str

    @property
    def is_public(self) -> bool:
        """Whether channels see it."""
        return self.audience == "public"


@dataclass
class Story:
    """An article's history. `shown[v]`: what readers see by language once it is at version v (from 0); `told`: the
    events due, as (type, language, version)."""

    texts: dict[int, Document] = field(default_factory=dict)
    drafts: dict[str, int] = field(default_factory=dict)
    shown: list[dict[str, Shown]] = field(default_factory=lambda: [{}])
    told: set[tuple[str, str, int]] = field(default_factory=set)


def histories(evidence: Evidence) -> dict[str, Story]:
    """Each stored article's history, played from its versions."""
    versions: dict[str, list[Document]] = defaultdict(list)
    for version in evidence.article_versions:
        versions[version["article"]].append(version)
    return {
        article["_id"]: _played(article, sorted(versions[article["_id"]], key=lambda each: int(each["version"])))
        for article in evidence.articles
    }


def _played(article: Document, versions: Sequence[Document]) -> Story:
    story = Story()
    where = {name: article[name] for name in ("category", "audience")}
    for version in reversed(versions):  # where it was at first
        where |= {name: old for name, old, _ in _moves(version)}
    for done in versions:
        number, language = done["version"], done.get("language")
        story.shown += story.shown[-1:] * (number - len(story.shown))  # versions may be missing
        shown = dict(story.shown[-1])
        if language is not None and done.get("text") is not None:
            story.texts[number] = done["text"]
            story.drafts[language] = number
        match done["what"]:
            case "published":
                for each in sorted(story.drafts) if language is None else [language]:
                    shown[each] = Shown(number, story.drafts.pop(each, 0), **where)
                    story.told.add(("article.published", each, number))
            case "withdrawn":
                for each in sorted(shown) if language is None else [language]:
                    if (stood := shown.pop(each, None)) is not None:
                        story.drafts.setdefault(each, stood.written)
                    story.told.add(("article.withdrawn", each, number))
            case "moved":
                where |= {name: new for name, _, new in _moves(done)}
                shown = {each: replace(text, version=number, **where) for each, text in shown.items()}
                story.told |= {("article.published", each, number) for each in shown}
        story.shown.append(shown)
    return story


def _moves(version: Document) -> list[tuple[str, str, str]]:
    """What a move changed: the field, from what, to what."""
    return re.findall(r"(\w+): (\S+) → ([^\s;]+)", version["reason"]) if version["what"] == "moved" else []


def outcomes_of(evidence: Evidence, types: Mapping[str, Any] | set[str]) -> list[tuple[Sent, Heard]]:
    """Commands of these types, each once, with their outcome, in the order in which it was heard."""
    sent = {(each.user, each.id): each for each in evidence.sent if each.type in types}
    found: dict[tuple[str, str], Heard] = {}
    for heard in evidence.heard if sent else ():
        key = (heard.user, str(heard.event.get("causationid")))
        if key in sent and heard.type.startswith("command."):
            found.setdefault(key, heard)
    return [(sent[key], heard) for key, heard in found.items()]


def each_change_of_an_article_is_a_version(evidence: Evidence) -> Iterator[str]:
    """An article's versions have no gap, and each is what one accepted command did, by its sender, with its text."""
    stored = {(version["article"], version["version"]): version for version in evidence.article_versions}
    by_article: dict[str, list[int]] = defaultdict(list)
    for article, number in stored:
        by_article[article].append(number)
    for article in evidence.articles:
        numbers = sorted(by_article.pop(article["_id"], ()))
        if numbers != list(range(1, article["version"] + 1)):
            yield f"article {article['_id']} is at version {article['version']}, its history has {numbers}"
    yield from (f"there are versions of the article {article}, which is not stored" for article in by_article)
    made: Counter[tuple[str, int]] = Counter()
    for sent, heard in outcomes_of(evidence, DONE):
        if heard.type != "command.accepted" or "article_id" in (heard.event["data"].get("hints") or {}):
            continue  # it was refused, or changed nothing
        key = (heard.event["data"]["article"]["id"], heard.event["data"]["article"]["version"])
        made[key] += 1
        version = stored.get(key)
        command = f"{sent.type} {sent.id} of {sent.user} made version {key[1]} of {key[0]}"
        if version is None:
            yield f"{command}, which is not stored"
        elif (version["what"], version.get("by")) != (DONE[sent.type], sent.user.removeprefix("agent.")):
            yield f"{command}, but that was {version['what']} by {version.get('by')}"
        elif "body" in sent.data and (version.get("text") or {}).get("body") != sent.data["body"]:
            yield f"{command}, with another text"
    yield from (
        f"version {number} of {id_} is of {count} commands" for (id_, number), count in made.items() if count > 1
    )
    yield from (f"nobody was told that they made version {number} of {id_}" for id_, number in set(stored) - set(made))


def readers_are_told_of_each_change_once(evidence: Evidence) -> Iterator[str]:
    """Each version that readers may see has one event for each of its languages, with the article as it stood."""
    ids: dict[tuple[str, str, str, int], set[str]] = defaultdict(set)
    bodies: dict[tuple[str, str, str, int], Document] = {}
    for heard in evidence.events:
        if heard.type in ("article.published", "article.withdrawn"):
            article = heard.event["data"]["article"]
            key = (article["id"], heard.type, article["language"], article["version"])
            ids[key].add(heard.id)
            bodies[key] = article
    due = {(id_, *told): story for id_, story in histories(evidence).items() for told in story.told}
    for key in sorted(due.keys() | ids.keys()):
        id_, type_, language, version = key
        if (count := len(ids.get(key, ()))) != (key in due):
            yield f"{type_} of {id_} in {language} at version {version} was told {count} times"
        elif not _agree(due[key], bodies[key], version - (type_ == "article.withdrawn")):
            yield f"{type_} of {id_} in {language} at version {version} is not as the article stood"


def _agree(story: Story, said: Document, at: int) -> bool:
    """Whether the event says what readers saw of the text at that version of the article."""
    text = story.shown[at].get(said["language"])
    return text is not None and _is_text(story, text, said)


def _is_text(story: Story, text: Shown, said: Mapping[str, Any]) -> bool:
    written = story.texts.get(text.written, {})
    wanted = (written.get("title"), written.get("body"), text.category, text.audience)
    return wanted == (said["title"], said["body"], said["category"], said["audience"])


def published_is_what_editors_did(evidence: Evidence) -> Iterator[str]:
    """What is stored of an article, and what readers see of it, is what its history comes to."""
    published: dict[str, dict[str, Document]] = defaultdict(dict)
    for row in evidence.published:
        published[row["article"]][row["language"]] = row
    stories = histories(evidence)
    for article in evidence.articles:
        id_, story = article["_id"], stories[article["_id"]]
        shown = story.shown[-1]
        live = {language: text.written for language, text in shown.items()}
        if (article["drafts"], article["live"]) != (story.drafts, live):
            yield f"article {id_} has the drafts {article['drafts']} and texts {article['live']}, and should {live}"
        seen = {language: row for language, row in published[id_].items() if row["live"]}
        for language in seen.keys() ^ shown.keys():
            yield f"readers {'see' if language in seen else 'do not see'} {id_} in {language}"
        for language in seen.keys() & shown.keys():
            row, text = seen[language], shown[language]
            stands = (row["version"], row["written"]) == (text.version, text.written)
            if not (stands and _is_text(story, text, row)):
                yield f"readers see {id_} in {language} otherwise than it was published"


def indexes_hold_what_is_published(evidence: Evidence) -> Iterator[str]:
    """Each instance's index has as many texts as are published, and the digest of these."""
    live = [row for row in evidence.published if row["live"]]
    names = (f"{row['article']}/{row['language']}/{row['version']}/{row['audience']}" for row in live)
    wanted = (len(live), reduce(xor, map(hashed, names), 0))
    for instance, holds in evidence.indexes.items():
        if holds != wanted:
            yield f"the index of {instance} has {holds}, published are {wanted}"


def hashed(name: str) -> int:
    """32 bits of a text's name, as docs/knowledge.md says."""
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest())


def search_finds_what_is_published(evidence: Evidence) -> Iterator[str]:
    """Each article that the reader may see is found once, in a language that it has, as it is published; and no
    other."""
    texts = {(row["article"], row["language"], row["version"]): row for row in evidence.published if row["live"]}
    for user, found in evidence.found.items():
        may_see = {key for key, row in texts.items() if row["audience"] == "public" or user.startswith("agent.")}
        yield from (f"{user} finds {text}, which is not published for them" for text in found - may_see)
        times = Counter(id_ for id_, _, _ in found)
        for id_ in {id_ for id_, _, _ in may_see} | times.keys():
            if times[id_] != 1:
                yield f"{user} finds the article {id_} {times[id_]} times"


def channels_see_what_is_public(evidence: Evidence) -> Iterator[str]:
    """What a channel was shown was public at that time: not before what its editors had heard of when it was asked."""
    stories = histories(evidence)
    known = _known_at(evidence)
    for asked in evidence.asked:
        if asked.user.startswith("agent."):
            continue
        since = known(asked.heard_before)
        shown = asked.said.get("articles", ()) if asked.answer == "article.found" else ()
        if asked.answer == "article.viewed":
            shown = [asked.said["article"]]
        for text in shown:
            story = stories.get(text["id"], Story())
            if not any(_was_shown(story, state, text) for state in story.shown[since.get(text["id"], 0) :]):
                yield f"{asked.user} was shown {text['id']} in {text['language']}, which was not public: {asked.type}"
        if asked.type == "article.view" and asked.answer == "command.rejected":
            id_ = asked.data["article_id"]
            states = stories.get(id_, Story()).shown[since.get(id_, 0) :]
            public = [{language for language, text in state.items() if text.is_public} for state in states]
            if public and public[0] and all(languages == public[0] for languages in public):
                yield f"{asked.user} was not shown {id_}, which was public"


def _was_shown(story: Story, state: Mapping[str, Shown], said: Mapping[str, Any]) -> bool:
    text = state.get(said["language"])
    if text is None or not text.is_public or text.version != said["version"]:
        return False
    return "body" not in said or _is_text(story, text, said)


def _known_at(evidence: Evidence) -> Callable[[int], dict[str, int]]:
    """The version of each article of which its editors had heard when so many messages had been heard."""
    places = {id(heard): place for place, heard in enumerate(evidence.heard)}
    told = [
        (places[id(heard)], heard.event["data"]["article"]["id"], heard.event["data"]["article"]["version"])
        for _, heard in outcomes_of(evidence, DONE)
        if heard.event["data"].get("article")
    ]

    def known(count: int) -> dict[str, int]:
        found: dict[str, int] = {}
        for place, id_, version in told:
            if place < count:
                found[id_] = max(found.get(id_, 0), version)
        return found

    return known


def channels_see_nothing_internal(evidence: Evidence) -> Iterator[str]:
    """No word of an article that was internal all its life reaches a channel, in any answer or message."""
    for asked in evidence.asked:
        if not asked.user.startswith("agent.") and FOR_STAFF in repr(asked.said):
            yield f"{asked.user} was shown what is internal: {asked.answer} to {asked.type} {asked.data}"
    for heard in evidence.heard:
        if not heard.user.startswith("agent.") and FOR_STAFF.encode() in heard.body:
            yield f"{heard.user} heard what is internal: {heard.type} {heard.id}"


def counts_are_what_was_sent(evidence: Evidence) -> Iterator[str]:
    """Viewed: once for each session, article and day. Helped or not: the last vote of each."""
    viewed: set[tuple[str, str, str, str]] = set()
    votes: dict[tuple[str, str, str, str], str] = {}
    for sent, heard in _counted(evidence):
        key = (sent.user, sent.data["session"], sent.data["article_id"], heard.event["time"][:10])
        if sent.type == "article.opened":
            viewed.add(key)
        else:
            votes[key] = "helped" if sent.data["helped"] else "not_helped"
    wanted = Counter((article, day, "viewed") for _, _, article, day in viewed)
    wanted.update((article, day, vote) for (_, _, article, day), vote in votes.items())
    counted: Counter[tuple[str, str, str]] = Counter()
    for row in evidence.tallies:
        for what in ("viewed", "helped", "not_helped", DEFLECTED):
            counted[row["article"], row["day"], what] += row[what]
    for counts in sorted(wanted.keys() | counted.keys()):
        if counted[counts] != wanted[counts]:
            article, day, what = counts
            yield f"{article} counts as {what} {counted[counts]} times on {day}, instead of {wanted[counts]}"


def forms_are_what_was_sent(evidence: Evidence) -> Iterator[str]:
    """Of each form: the articles that were opened from it, whether something was filed from it, and one timer, 24 hours
    after the first opening. What was filed is told once, in the ticket's event and beside it."""
    filed = {heard.id: heard.event for heard in evidence.events if heard.type == "draft.filed"}.values()
    causes = Counter(event["causationid"] for event in filed)
    named = {
        event["causationid"]
        for versions in evidence.ticket_events.values()
        for event in versions.values()
        if event["data"].get("draft") is not None
    }
    for cause in named | causes.keys():
        if causes[cause] != (cause in named):
            yield f"what {cause} filed from a form is told {causes[cause]} times beside its ticket's event"
    told = {(event["data"]["channel"], event["data"]["draft"]) for event in filed}
    opened: dict[tuple[str, str], set[str]] = defaultdict(set)
    first: dict[tuple[str, str], datetime] = {}
    for sent, heard in _counted(evidence):
        if sent.data.get("draft") is not None:
            form, at = (sent.user, sent.data["draft"]), datetime.fromisoformat(heard.event["time"])
            opened[form].add(sent.data["article_id"])
            first[form] = min(first.get(form, at), at)
    wanted = Counter((tuple(sorted(opened[form])), form in told) for form in {*opened, *told})
    stored = Counter((tuple(sorted(row.get("articles", ()))), row["filed"]) for row in evidence.forms)
    for form_ in wanted.keys() | stored.keys():
        if wanted[form_] != stored[form_]:
            yield f"{stored[form_]} forms are stored as {form_}, instead of {wanted[form_]}"
    due = sorted(timer["due"] for timer in evidence.other_timers if timer["kind"] == DEFLECTED)
    if due != sorted(at + DEFLECTED_AFTER for at in first.values()):
        yield f"{len(due)} timers look at forms, {len(first)} forms were opened, and they are not due 24 hours later"


def _counted(evidence: Evidence) -> list[tuple[Sent, Heard]]:
    return [(sent, heard) for sent, heard in outcomes_of(evidence, COUNTED) if heard.type == "command.accepted"]


OF_ARTICLES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    each_change_of_an_article_is_a_version,
    readers_are_told_of_each_change_once,
    published_is_what_editors_did,
    indexes_hold_what_is_published,
    search_finds_what_is_published,
    channels_see_what_is_public,
    channels_see_nothing_internal,
    counts_are_what_was_sent,
    forms_are_what_was_sent,
)
