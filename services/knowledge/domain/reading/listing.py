"""Readers search, get suggestions and list: what they find, page by page.

The index holds what a reader may see, and nothing else counts for them: a channel's pages, scores and corrections come
from public texts alone. What was found is read again with its audience, so what was withdrawn a moment ago is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.articles import (
    MAX_QUERY,
    ArticleCategories,
    ArticleCategory,
    ArticleHit,
    ArticlesFound,
    ListArticles,
    ListCategories,
    Piece,
    SearchArticles,
    SuggestArticles,
)
from services.chassis.decision import Answer, Decision, Message, carrying
from services.knowledge.domain import answers
from services.knowledge.domain.doors import Reader, not_let_in, who
from services.knowledge.domain.needs import (
    Changed,
    Counted,
    Heads,
    InState,
    InUse,
    Listing,
    Marked,
    Need,
    Search,
    Shown,
    VersionOf,
)
from services.knowledge.domain.reading.languages import best, head_in
from services.knowledge.domain.state import View
from services.knowledge.domain.values.article import Article, Head, Published, published_key
from services.knowledge.domain.values.found import A_PAGE, SUGGESTED, Chosen, Marks, Place


def search(view: View, message: Message[SearchArticles], reader: Reader, _: datetime) -> Decision:
    """`article.search`: articles about these words, the best first."""
    data = message.data
    if not _has_words(data):
        return answers.invalid({"words": ["Type a word to look for: there is no letter or digit in it."]})
    if refused := _no_category(view, data.category, reader):
        return refused
    wanted = _wanted(data, reader)
    page = data.page or 1
    chosen: Chosen = view.read[wanted]
    if refused := beyond(page, chosen.total):
        return refused
    return _found(_hits(view, chosen, wanted), page, pages(chosen.total), chosen.did_you_mean)


def suggest(view: View, message: Message[SuggestArticles], reader: Reader, _: datetime) -> Decision:
    """`article.suggest`: the five best articles about what somebody has typed so far."""
    if refused := _no_category(view, message.data.category, reader):
        return refused
    wanted = _wanted(message.data, reader)
    chosen: Chosen = view.read[wanted]
    return _found(_hits(view, chosen, wanted), 1, 1 if chosen.places else 0, chosen.did_you_mean)


def search_needed(known: View, message: Message[Any]) -> Iterable[Need]:
    """What the index finds, then the texts as they are now, with the words marked. What is refused is not searched for:
    it would count as searched in vain."""
    is_search = isinstance(message.data, SearchArticles)
    if not_let_in(known.desk, message) or (is_search and not _has_words(message.data)):
        return
    reader = who(known.desk, message)
    yield from _category_needed(known, message.data.category, reader)
    if _no_category(known, message.data.category, reader):
        return
    wanted = _wanted(message.data, reader)
    yield wanted
    if wanted in known.read:
        yield Shown(wanted)
        yield Marked(wanted)


def in_vain(known: View, messages: Iterable[Message[Any]]) -> Iterable[tuple[str, str | None]]:
    """The words, and the language if one was named, of each search of a channel that found nothing; also of two for the
    same words. Another page than the first, and what a search refuses, do not count."""
    for message in carrying(messages, SearchArticles):
        for need in search_needed(known, message):
            if isinstance(need, Search) and not (need.staff or need.first or known.read[need].total):
                yield need.words, need.language


def list_articles(view: View, message: Message[ListArticles], reader: Reader, _: datetime) -> Decision:
    """`article.list`: most viewed or most recent first; those of these ids; what changed since then; for editors, what
    is in a state."""
    data, page = message.data, message.data.page or 1
    ways = [name for name in ("ids", "changed_since", "state", "sort") if getattr(data, name)]
    if len(ways) > 1:
        return answers.invalid({ways[1]: [f"Give {ways[0]} or {ways[1]}, not both."]})
    if data.state is not None:
        return _in_state(view, data, reader, page) if reader.editor else answers.only_editors("state")
    if data.changed_since is not None:  # of any category: whoever follows one has to hear of the last that left it
        return _changed(view, data, reader, page)
    if refused := _no_category(view, data.category, reader):
        return refused
    if data.ids:
        if refused := beyond(page, 1):
            return refused
        heads = [_head_wanted(view, id_, data, reader) for id_ in dict.fromkeys(data.ids)]
        shown = [head for head in heads if head is not None]
        return _found([hit(head) for head in shown], 1, 1 if shown else 0)
    chosen: Chosen = view.read[_listing(data, reader)]
    if refused := beyond(page, chosen.total):
        return refused
    heads = [_at(view, place, reader) for place in chosen.places]
    return _found([hit(head) for head in heads if head is not None], page, pages(chosen.total))


def list_needed(known: View, message: Message[ListArticles]) -> Iterable[Need]:
    """The page, then what stands on it."""
    data, reader = message.data, who(known.desk, message)
    if data.changed_since is None:
        yield from _category_needed(known, data.category, reader)
    if data.state is not None:
        yield from _in_state_needed(known, data) if reader.editor else ()
    elif data.changed_since is not None:
        page = _changed_page(data, reader)
        yield page
        for article in known.read.get(page, ((), 0))[0]:
            yield Heads(article, reader.staff)
    elif _no_category(known, data.category, reader):
        return
    elif data.ids:
        for id_ in data.ids:
            yield Heads(id_, reader.staff)
    else:
        listing = _listing(data, reader)
        yield listing
        chosen: Chosen | None = known.read.get(listing)
        for place in () if chosen is None else chosen.places:
            yield Heads(place.article, reader.staff)


def categories(view: View, message: Message[ListCategories], reader: Reader, _: datetime) -> Decision:
    """`article.categories`: those in which the reader finds articles, in the order of the operator's files."""
    language = message.data.language
    counts: dict[str, int] = view.read[Counted(language, reader.staff)]
    order = [*view.desk.categories, *sorted(set(counts) - set(view.desk.categories))]
    shown = language or view.desk.language
    listed = [
        ArticleCategory(id=id_, name=view.desk.name_of(id_, shown), articles=counts[id_])
        for id_ in order
        if counts.get(id_)
    ]
    return Decision(answer=Answer("article.categorised", ArticleCategories(categories=listed[:1000])))


def categories_needed(known: View, message: Message[ListCategories]) -> Iterable[Need]:
    """How many articles each category has for the reader."""
    yield Counted(message.data.language, who(known.desk, message).staff)


def hit(head: Head, place: Place | None = None, marks: Marks | None = None) -> ArticleHit:
    """A published text in a list."""
    return ArticleHit(
        id=head.article,
        title=head.title,
        summary=head.summary,
        category=head.category,
        audience=head.audience,
        language=head.language,
        version=head.version,
        published_at=head.published_at,
        score=None if place is None else place.score,
        marked=() if marks is None else _pieces(marks.title),
        excerpt=() if marks is None else _pieces(marks.excerpt),
    )


def pages(total: int) -> int:
    """How many pages so many entries fill."""
    return -(-total // A_PAGE)


def first_of(page: int) -> int:
    """How many come before this page."""
    return (page - 1) * A_PAGE


def beyond(page: int, total: int) -> Decision | None:
    """A refusal of a page that is beyond the last. The first page may be empty."""
    if page <= max(1, pages(total)):
        return None
    there = "There is 1 page." if pages(total) <= 1 else f"There are {pages(total)} pages."
    return answers.invalid({"page": [there]})


def _has_words(data: SearchArticles) -> bool:
    return any(letter.isalnum() for letter in data.words)


def _no_category(view: View, category: str | None, reader: Reader) -> Decision | None:
    """A refusal of a category that does not exist.

    One that only articles have exists for a channel as long as it finds an article there: otherwise the channel would
    learn of a category for staff. One that is gone from the files exists as long as a reader finds an article there, or
    an editor one in the state that they ask for.
    """
    if category is None or view.desk.tells_of(category, staff=reader.staff):
        return None
    return None if view.read.get(InUse(category, reader.staff)) else answers.unknown_category(category)


def _category_needed(known: View, category: str | None, reader: Reader) -> Iterable[Need]:
    """What tells whether the category exists, unless the operator's files do."""
    if category is not None and not known.desk.tells_of(category, staff=reader.staff):
        yield InUse(category, reader.staff)


def _wanted(data: SearchArticles | SuggestArticles, reader: Reader) -> Search:
    if isinstance(data, SuggestArticles):
        return Search(data.words, data.language, data.category, True, 0, SUGGESTED, reader.staff)
    first = first_of(data.page or 1)
    return Search(data.words, data.language, data.category, False, first, A_PAGE, reader.staff)


def _listing(data: ListArticles, reader: Reader) -> Listing:
    first = first_of(data.page or 1)
    return Listing(data.sort or "most_recent", data.language, data.category, first, A_PAGE, reader.staff)


def _hits(view: View, chosen: Chosen, wanted: Search) -> list[ArticleHit]:
    shown: Mapping[str, Published] = view.read[Shown(wanted)]
    marked: Mapping[str, Marks] = view.read[Marked(wanted)]
    keys = [(place, published_key(place.article, place.language)) for place in chosen.places]
    return [hit(shown[key].head, place, marked[key]) for place, key in keys if key in shown]


def _at(view: View, place: Place, reader: Reader) -> Head | None:
    return head_in(view.read[Heads(place.article, reader.staff)], place.language)


def _head_wanted(view: View, id_: str, data: ListArticles, reader: Reader) -> Head | None:
    """The article in the language and the category that the reader wants."""
    heads: Sequence[Head] = view.read[Heads(id_, reader.staff)]
    head = head_in(heads, best([head.language for head in heads], data.language, view.desk.language))
    return head if head is not None and data.category in (None, head.category) else None


def _changed_page(data: ListArticles, reader: Reader) -> Changed:
    assert data.changed_since is not None, "the caller has looked"
    first = first_of(data.page or 1)
    return Changed(data.changed_since, first, A_PAGE, reader.staff)


def _changed(view: View, data: ListArticles, reader: Reader, page: int) -> Decision:
    """What is there is shown; of the rest, only that it is not there any more: also if it is in another category."""
    ids, total = view.read[_changed_page(data, reader)]
    if refused := beyond(page, total):
        return refused
    heads = {id_: _head_wanted(view, id_, data, reader) for id_ in ids}
    shown = [hit(head) for head in heads.values() if head is not None]
    return _found(shown, page, pages(total), withdrawn=[id_ for id_, head in heads.items() if head is None])


def _in_state(view: View, data: ListArticles, reader: Reader, page: int) -> Decision:
    found, total = view.read[_state_page(data)]
    if not total and (refused := _no_category(view, data.category, reader)):
        return refused
    if refused := beyond(page, total):
        return refused
    hits = [each for article in found if (each := _written(view, article, data)) is not None]
    return _found(hits, page, pages(total))


def _in_state_needed(known: View, data: ListArticles) -> Iterable[Need]:
    page = _state_page(data)
    yield page
    for article in known.read.get(page, ((), 0))[0]:
        number = _newest(article, data)[1]
        if number is not None:
            yield VersionOf(article.id, number)


def _state_page(data: ListArticles) -> InState:
    assert data.state is not None, "the caller has looked"
    return InState(data.state, data.category, first_of(data.page or 1), A_PAGE)


def _newest(article: Article, data: ListArticles) -> tuple[str, int | None]:
    """The language and version of the text by which editors know the article: of the state that they asked for."""
    texts = article.live if data.state == "published" else article.drafts
    language = best(texts, data.language, article.language) or min(texts, default=article.language)
    return language, texts.get(language)


def _written(view: View, article: Article, data: ListArticles) -> ArticleHit | None:
    language, number = _newest(article, data)
    version = view.version(article.id, number)
    if version is None or version.text is None:
        return None
    return ArticleHit(
        id=article.id,
        title=version.text.title,
        summary=version.text.summary or version.text.title,
        category=article.category,
        audience=article.audience,
        language=language,
        version=article.version,
    )


def _found(
    hits: Sequence[ArticleHit],
    page: int,
    of: int,
    did_you_mean: str | None = None,
    withdrawn: Sequence[str] = (),
) -> Decision:
    if did_you_mean is not None and len(did_you_mean) > MAX_QUERY:
        did_you_mean = None  # nobody could ask for it
    found = ArticlesFound(articles=hits, page=page, pages=of, did_you_mean=did_you_mean, withdrawn=withdrawn)
    return Decision(answer=Answer("article.found", found))


def _pieces(pieces: Sequence[tuple[str, bool]]) -> list[Piece]:
    return [Piece(text=text, found=found) for text, found in pieces]
