"""The operator's synonyms: groups of words or phrases that mean the same, by language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.knowledge.search.analysis import analysis_of, primary

Phrase = tuple[str, ...]
"""The stems of its words."""

_LONGEST = 8
"""Words of a phrase."""


class Synonyms:
    """What else somebody may mean. Never changes, so threads may share it."""

    def __init__(self, groups: Mapping[str, Iterable[Sequence[str]]] | None = None) -> None:
        """`groups` by language (BCP 47), as an operator writes them."""
        self._others: dict[str, dict[Phrase, list[Phrase]]] = {}
        for language, of_language in (groups or {}).items():
            others = self._others.setdefault(primary(language), {})
            for group in of_language:
                phrases = [tuple(word.stem for word in analysis_of(language).words(written)) for written in group]
                for phrase in filter(None, phrases):
                    others.setdefault(phrase, []).extend(each for each in phrases if each and each != phrase)

    def of(self, language: str, stems: Phrase) -> list[tuple[int, int, Phrase]]:
        """For phrases among these stems: from where to where, and another phrase that means the same."""
        others = self._others.get(primary(language))
        if others is None:
            return []
        return [
            (start, end, other)
            for start in range(len(stems))
            for end in range(start + 1, min(len(stems), start + _LONGEST) + 1)
            for other in others.get(stems[start:end], ())
        ]


def has_words(text: str) -> bool:
    """Whether a search could look for anything in the text."""
    return any(analysis_of("").words(text))


NO_SYNONYMS = Synonyms()
