"""The words that texts hold: what comes is found, and what goes leaves nothing behind."""

from __future__ import annotations

from services.knowledge.search.analysis import analysis_of
from services.knowledge.search.vocabulary import FEW_VANISHED, Vocabulary


def test_words_of_texts_that_come_and_go_take_no_more_room_each_time() -> None:
    vocabulary = Vocabulary(analysis_of("en"))
    for time in range(10):
        words = [f"word{time}x{number}" for number in range(FEW_VANISHED // 2)]
        receipt = vocabulary.add(words, " ".join(words))
        vocabulary.settle()
        assert vocabulary.begun(words[0]) == [words[0]]
        vocabulary.take_away(receipt)
        vocabulary.settle()
        assert vocabulary.begun("word") == []
        assert vocabulary.near(words[0]) == []
    assert len(vocabulary._words) <= 2 * FEW_VANISHED
