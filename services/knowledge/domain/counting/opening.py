"""What readers do with an article counts once for each session, article and day (UTC): opened, helped or not.

A second vote of the same day replaces the first. The page is docs/knowledge.md, "Counting".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from contracts.articles import ArticleHelped, ArticleOpened
from contracts.outcomes import Accepted
from services.chassis.decision import Answer, Arm, Decision, Message
from services.knowledge.domain import answers
from services.knowledge.domain.counting.deflecting import opened_from
from services.knowledge.domain.needs import Heads, Need, Stored
from services.knowledge.domain.state import Value, View
from services.knowledge.domain.values.counts import (
    FACTS_KEPT,
    WORDS_KEPT,
    Draft,
    Fact,
    Tally,
    Vote,
    Words,
    day_of,
    draft_id,
    fact_id,
    tally_key,
)


def opened(view: View, message: Message[ArticleOpened], now: datetime) -> Decision:
    """`article.opened`: somebody reads an article. An article that the channel may not see is unknown to it."""
    data = message.data
    if not view.read[Heads(data.article_id, staff=False)]:
        return answers.unknown_article(data.article_id)
    changes: list[Value] = []
    id_ = _fact("opened", message, now)
    if view.of(Fact, id_) is None:
        tally = tallied(view, data.article_id, now)
        changes += [Fact(id_, now + FACTS_KEPT), replace(tally, viewed=tally.viewed + 1)]
    return _counted(view, message, changes, now)


def opened_needed(known: View, message: Message[ArticleOpened]) -> Iterable[Need]:
    """Whether everybody may see the article, whether this session opened it today, the counts, and the draft."""
    yield from _needed(message, known.now)
    yield Stored(Fact, _fact("opened", message, known.now))


def helped(view: View, message: Message[ArticleHelped], now: datetime) -> Decision:
    """`article.helped`: whether it helped, and the person's words. It replaces what the session said that day."""
    data = message.data
    if not view.read[Heads(data.article_id, staff=False)]:
        return answers.unknown_article(data.article_id)
    id_ = _fact("helped", message, now)
    before = view.of(Vote, id_)
    tally = tallied(view, data.article_id, now)
    if before is not None:
        tally = _voted(tally, before.helped, -1)
    vote = Vote(id_, data.helped, now + FACTS_KEPT, 1 if before is None else before.revision + 1)
    changes: list[Value] = [vote, _voted(tally, data.helped, +1)]
    said = view.of(Words, id_)
    if data.words is not None or said is not None:
        revision = 1 if said is None else said.revision + 1
        words = Words(id_, data.article_id, day_of(now), data.helped, data.words or "", now + WORDS_KEPT, revision)
        changes.append(words)
    return _counted(view, message, changes, now)


def helped_needed(known: View, message: Message[ArticleHelped]) -> Iterable[Need]:
    """The same as for an opening, and what this session said of the article today."""
    id_ = _fact("helped", message, known.now)
    yield from _needed(message, known.now)
    yield Stored(Vote, id_)
    yield Stored(Words, id_)


def tallied(view: View, article: str, now: datetime) -> Tally:
    """The counts of this day, to be changed."""
    day = day_of(now)
    tally = view.of(Tally, tally_key(article, day)) or Tally(article, day)
    return replace(tally, revision=tally.revision + 1)


def _counted(view: View, message: Message[ArticleOpened], changes: list[Value], now: datetime) -> Decision:
    timers: list[Arm] = []
    if message.data.draft is not None:
        of_draft, timers = opened_from(view, draft_id(message.sender, message.data.draft), message.data.article_id, now)
        changes += of_draft
    return Decision(changes, answer=Answer("command.accepted", Accepted()), timers=timers)


def _voted(tally: Tally, helped: bool, votes: int) -> Tally:
    if helped:
        return replace(tally, helped=tally.helped + votes)
    return replace(tally, not_helped=tally.not_helped + votes)


def _fact(kind: str, message: Message[ArticleOpened], now: datetime) -> str:
    return fact_id(kind, message.sender, message.data.session, message.data.article_id, day_of(now))


def _needed(message: Message[ArticleOpened], now: datetime) -> Iterable[Need]:
    data = message.data
    yield Heads(data.article_id, staff=False)
    yield Stored(Tally, tally_key(data.article_id, day_of(now)))
    if data.draft is not None:
        yield Stored(Draft, draft_id(message.sender, data.draft))
