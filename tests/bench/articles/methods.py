"""Ways to find articles, to be compared: ours, and what most would do."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from deploy.settings import SHIPPED_CATALOGUE
from services.chassis.catalogue import load_catalogue
from services.knowledge.knowledge_file import load_knowledge
from services.knowledge.search.analysis import analysis_of
from services.knowledge.search.index import Index, search
from services.knowledge.search.meanings import MeaningOf
from services.knowledge.search.synonyms import NO_SYNONYMS
from services.knowledge.search.values import IndexedText, Wanted
from tests.bench.articles.shipped import OWN_LANGUAGE, Asked

Method = Callable[[Asked], list[str]]
"""The ids of the five best articles for a question, the best first."""

SHOWN = 5
K1, B = 1.2, 0.75
"""The usual constants of BM25 (Robertson and Zaragoza, 2009)."""


def ours(texts: Sequence[IndexedText], meanings: Mapping[str, MeaningOf], *, with_synonyms: bool = True) -> Method:
    """What the desk does, with these meanings."""
    index = Index(meanings)
    index.replace(texts)
    shipped = load_knowledge(
        SHIPPED_CATALOGUE.with_name("knowledge.yaml"), load_catalogue(SHIPPED_CATALOGUE).categories
    )
    synonyms = shipped.synonyms if with_synonyms else NO_SYNONYMS

    def found(asked: Asked) -> list[str]:
        wanted = Wanted(asked.words, (asked.language, OWN_LANGUAGE), typing=asked.kind == "half", most=SHOWN)
        return [hit.article for hit in search(wanted, [index], synonyms).hits]

    return found


def bm25(texts: Sequence[IndexedText]) -> Method:
    """BM25 of the stems of each article's whole text, in the language asked in, otherwise in the desk's own."""

    def found(asked: Asked) -> list[str]:
        language = {text.article: text.language for text in texts if text.language in (asked.language, OWN_LANGUAGE)}
        language |= {text.article: asked.language for text in texts if text.language == asked.language}
        read = {text.article: text for text in texts if language.get(text.article) == text.language}
        held = {article: _stems(_whole(text), text.language) for article, text in read.items()}
        mean = sum(map(len, held.values())) / len(held)
        counted = {article: Counter(stems) for article, stems in held.items()}
        holding = Counter(stem for stems in counted.values() for stem in stems)

        def score(article: str) -> float:
            total = 0.0
            for stem in _stems(asked.words, read[article].language):
                times = counted[article][stem]
                rarity = math.log(1 + (len(held) - holding[stem] + 0.5) / (holding[stem] + 0.5))
                total += rarity * times * (K1 + 1) / (times + K1 * (1 - B + B * len(held[article]) / mean))
            return total

        scores = {article: score(article) for article in held}
        best = sorted((article for article in held if scores[article]), key=lambda article: -scores[article])
        return best[:SHOWN]

    return found


def _whole(text: IndexedText) -> str:
    return " ".join((text.title, *text.keywords, text.summary, text.body))


def _stems(text: str, language: str) -> list[str]:
    return [word.stem for word in analysis_of(language).words(text)]
