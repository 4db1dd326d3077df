"""An index of published texts in all their languages, and a search over one index or several."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from services.knowledge.search.analysis import primary
from services.knowledge.search.marking import Marking
from services.knowledge.search.meanings import MeaningOf
from services.knowledge.search.one_language import OneLanguage
from services.knowledge.search.question import corrected
from services.knowledge.search.synonyms import NO_SYNONYMS, Synonyms
from services.knowledge.search.values import MOST_FOUND, Hit, IndexedText, Ranked, Wanted

MOST_WHILE_TYPING = 200
"""Texts of each language that are ranked while somebody types."""


class Index:
    """Published texts in memory. Call it in native threads: one may replace texts while others search. A search goes by
    what was there when it began."""

    def __init__(self, meanings: Mapping[str, MeaningOf] | None = None) -> None:
        """`meanings`: of languages (without region) whose texts are also found by meaning."""
        self.languages: Mapping[str, OneLanguage] = {}
        self._meanings = meanings or {}
        self._changing = threading.Lock()

    def __len__(self) -> int:
        """How many texts it holds."""
        return sum(map(len, self.languages.values()))

    def replace(self, texts: Sequence[IndexedText], gone: Sequence[tuple[str, str]] = ()) -> None:
        """These texts come, in place of those of the same article and language, and those of `gone` (article,
        language) go. Searches that begin after it returns see all of it."""
        coming = {(text.article, text.language): text for text in texts}
        with self._changing:
            languages = dict(self.languages)
            for tag in {tag for _, tag in coming} | {tag for _, tag in gone if tag in languages}:
                if tag not in languages:
                    languages[tag] = OneLanguage(tag, self._meanings.get(primary(tag)))
                languages[tag].replace(
                    [text for text in coming.values() if text.language == tag],
                    [article for article, of in gone if of == tag],
                )
            self.languages = {tag: language for tag, language in languages.items() if len(language)}


def search(wanted: Wanted, indexes: Sequence[Index], synonyms: Synonyms = NO_SYNONYMS) -> Ranked:
    """What these indexes hold of what somebody looks for, the best first: as if it were in a single index."""
    levels = _levels(indexes, wanted.languages)
    most = MOST_WHILE_TYPING if wanted.typing else MOST_FOUND
    scores: dict[str, float] = {}
    tags: dict[str, str] = {}
    markings: dict[str, Marking] = {}
    better: list[OneLanguage] = []
    for level in levels:
        # An article is found in the language where it fits best: for that, all languages have to look for the same.
        quick = wanted.typing and len({tag for tag, _ in level}) == 1
        for tag, language in level:
            asked = language.ask(wanted.words, synonyms)
            markings[tag] = asked.marking.and_of(markings.get(tag))
            for article, score in language.find(asked, wanted.category, most, quick):
                if score > scores.get(article, -1.0) and not (better and any(article in each for each in better)):
                    scores[article], tags[article] = score, tag
        better += [language for _, language in level]
    order = sorted(scores, key=lambda article: (-scores[article], article))
    page = order[wanted.first : wanted.first + wanted.most]
    return Ranked(
        tuple(Hit(article, tags[article], scores[article]) for article in page),
        len(order),
        corrected(wanted.words, [(language.analysis, language.vocabulary) for language in better]),
        markings,
    )


def _levels(indexes: Sequence[Index], wanted: Sequence[str]) -> list[list[tuple[str, OneLanguage]]]:
    """The texts to search, those in the languages that somebody prefers first: the very tag, then the same language
    elsewhere. An article is found by its text in the first level that has it."""
    held = [(tag, language) for index in indexes for tag, language in index.languages.items()]
    if not wanted:
        return [held]
    levels: list[list[tuple[str, OneLanguage]]] = []
    seen: set[str] = set()
    for language in wanted:
        for alike in ({language}, {tag for tag, _ in held if primary(tag) == primary(language)}):
            levels.append([(tag, texts) for tag, texts in held if tag in alike - seen])
            seen |= alike
    return levels
