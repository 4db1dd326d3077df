"""The texts of one language: the engine (tantivy, in memory), the vocabulary, the vectors, and which text has which
number.

The engine gets words that are cut and folded already, and only splits them at gaps; queries are built, never parsed.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur, Query

from contracts.values import dataclass
from services.knowledge.search.analysis import analysis_of
from services.knowledge.search.meanings import MeaningOf, Meanings, meaning_of_text
from services.knowledge.search.question import Meant, Part, Question, question
from services.knowledge.search.synonyms import Synonyms
from services.knowledge.search.values import IndexedText
from services.knowledge.search.vocabulary import NO_RECEIPT, Receipt, Vocabulary

HEAP = 50_000_000
"""Bytes that the engine's writer may use for what is not committed. With less it writes more, smaller pieces."""

STEMMED = {"title": 3.0, "keywords": 2.0, "about": 1.5, "body": 1.0}
"""The fields with stems, and what they count. `about`: summary and headings."""

OUTSIDE_BODY = tuple(field for field in STEMMED if field != "body")

MANY = 1_000
COMMON = 2.0
"""In more texts than this, a quick look for a word that is this common or more (its rarity: one text in seven has it)
is outside the bodies first. To look through bodies for common words takes as long as all the rest of a suggestion."""

EXACT = 0.3
"""What the very word counts besides its stem, outside the body."""

TIES = 0.3
"""Of what the other fields count besides the best."""

GOOD = 3.0
"""The engine's score, for each unit of the question's rarity, at which a text has 0.63 of what the words can say. The
square of this counts: that a text has all of the words says much, that it has few of many says next to nothing."""

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("article", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("category", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("number", fast=True)
    for field in STEMMED:
        builder.add_text_field(field, tokenizer_name="whitespace")
    builder.add_text_field("exact", tokenizer_name="whitespace", index_option="freq")
    return builder.build()


_SCHEMA = _schema()


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The texts after a commit; a search goes by one state, whatever is committed meanwhile. `articles` and
    `categories` by number; an empty article: there is no such text."""

    searcher: tantivy.Searcher
    articles: tuple[str, ...]
    categories: NDArray[np.int32]
    meanings: Meanings | None


class OneLanguage:
    """The texts of one language. One thread changes it; others may search at the same time."""

    def __init__(self, language: str, meaning_of: MeaningOf | None) -> None:
        self.analysis = analysis_of(language)
        self.vocabulary = Vocabulary(self.analysis)
        self._language = language
        self._meaning_of = meaning_of
        self._index = tantivy.Index(_SCHEMA)
        self._writer = self._index.writer(HEAP, 1)
        self._numbers: dict[str, int] = {}
        self._articles: list[str] = []
        self._categories = np.zeros(64, np.int32)
        self._category_numbers: dict[str, int] = {}
        self._receipts: list[Receipt] = []
        self._free: list[int] = []
        self._meanings = None if meaning_of is None else Meanings.none(len(meaning_of("")))
        self.state = self._state()

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, article: str) -> bool:
        return article in self._numbers

    def replace(self, texts: Iterable[IndexedText], gone: Iterable[str]) -> None:
        """These texts come, in place of those of the same articles; those of `gone` go. One commit."""
        for article in gone:
            self._take_away(article)
        for text in texts:
            self._take_away(text.article)
            self._add(text)
        self._writer.commit()
        self._index.reload()
        self.vocabulary.settle()
        self.state = self._state()

    def ask(self, words: str, synonyms: Synonyms) -> Question:
        """The question that these words ask of these texts."""
        return question(words, self._language, self.analysis, self.vocabulary, synonyms)

    def find(self, asked: Question, category: str | None, most: int, quick: bool) -> list[tuple[str, float]]:
        """Articles whose texts answer the question, with their scores, 0 to 1: the best `most` by words, and more by
        meaning. `quick`: a common word in the bodies of many texts counts only if too few are found without it."""
        state = self.state
        quick = quick and self.vocabulary.texts > MANY
        numbers, scores = _by_words(state, asked, category, most, quick)
        if quick and len(numbers) < most:
            numbers, scores = _by_words(state, asked, category, most, False)
        if state.meanings is not None and self._meaning_of is not None:
            among = None if category is None else state.categories == self._category_numbers.get(category, -1)
            meant = self._meaning_of(asked.text)
            near = state.meanings.near(meant, among, len(state.articles))
            more = np.setdiff1d(near, numbers)
            numbers, scores = np.concatenate([numbers, more]), np.concatenate([scores, np.zeros(len(more))])
            scores = (scores + np.maximum(0, state.meanings.cosines(meant, numbers))) / 2
        articles = map(state.articles.__getitem__, numbers.tolist())
        found = zip(articles, scores.tolist(), strict=True)
        return [each for each in found if each[0]]  # a vector may be of a text that comes with the next commit

    def _state(self) -> State:
        categories = np.array(self._categories[: len(self._articles)], np.int32)
        return State(self._index.searcher(), tuple(self._articles), categories, self._meanings)

    def _add(self, text: IndexedText) -> None:
        number = self._free.pop() if self._free else len(self._articles)
        document = tantivy.Document()
        document.add_text("article", text.article)
        document.add_text("category", text.category)
        document.add_unsigned("number", number)
        fields = {
            "title": text.title,
            "keywords": "\n".join(text.keywords),
            "about": f"{text.summary}\n{text.headings}",
            "body": text.body,
        }
        cut = {field: self.analysis.indexed(content) for field, content in fields.items()}
        for field, (_, stems) in cut.items():
            document.add_text(field, stems)
        telling = " ".join(words for field, (words, _) in cut.items() if field != "body")
        document.add_text("exact", telling)
        self._writer.add_document(document)
        receipt = self.vocabulary.add(f"{telling} {cut['body'][0]}".split(), "\n".join(fields.values()))
        if number == len(self._articles):
            self._articles.append(text.article)
            self._receipts.append(receipt)
        else:
            self._articles[number], self._receipts[number] = text.article, receipt
        if number == len(self._categories):
            self._categories = np.concatenate([self._categories, np.zeros_like(self._categories)])
        self._categories[number] = self._category_numbers.setdefault(text.category, len(self._category_numbers))
        self._numbers[text.article] = number
        if self._meanings is not None and self._meaning_of is not None:
            self._meanings = self._meanings.with_room(number)
            self._meanings.put(number, meaning_of_text(text, self._meaning_of))

    def _take_away(self, article: str) -> None:
        number = self._numbers.pop(article, None)
        if number is None:
            return
        self._writer.delete_documents_by_term("article", article)
        self.vocabulary.take_away(self._receipts[number])
        self._articles[number], self._receipts[number] = "", NO_RECEIPT
        self._free.append(number)
        if self._meanings is not None:
            self._meanings.put(number, np.zeros_like(self._meanings.vectors[number]))


def _by_words(state: State, asked: Question, category: str | None, most: int, quick: bool) -> tuple[Numbers, Scores]:
    """The texts with words of the question, the best first; `quick`: common words in bodies do not count."""
    query = _query(asked, category, quick)
    if query is None:
        return np.empty(0, np.int64), np.empty(0)
    hits = state.searcher.search(query, most, count=False).hits
    numbers = state.searcher.fast_field_values("number", [address for _, address in hits])
    scores = np.array([score for score, _ in hits], np.float64)
    return np.array(numbers, np.int64), np.square(1 - np.exp(-scores / (GOOD * asked.rarity)))


def _query(asked: Question, category: str | None, quick: bool) -> Query | None:
    """The query for the engine; None if no text can answer."""
    if not asked.parts:
        return None
    any_part = Query.boolean_query([(Occur.Should, _part(part, quick)) for part in asked.parts])
    if category is None:
        return any_part
    in_category = Query.const_score_query(Query.term_query(_SCHEMA, "category", category, "basic"), 0.0)
    return Query.boolean_query([(Occur.Must, any_part), (Occur.Must, in_category)])


def _part(part: Part, quick: bool) -> Query:
    fields = OUTSIDE_BODY if quick and part.word and part.rarity < COMMON else STEMMED
    meant = Query.disjunction_max_query([_meant(each, field) for each in part.meant for field in fields], TIES)
    if not part.word:
        return meant
    exact = Query.boost_query(Query.term_query(_SCHEMA, "exact", part.word, "freq"), EXACT)
    return Query.boolean_query([(Occur.Should, meant), (Occur.Should, exact)])


def _meant(meant: Meant, field: str) -> Query:
    if len(meant.stems) == 1:
        query = Query.term_query(_SCHEMA, field, meant.stems[0])
    else:
        query = Query.phrase_query(_SCHEMA, field, list(meant.stems))
    return Query.boost_query(query, STEMMED[field] * meant.weight)
