"""What is made of strings is made once, until too much is remembered."""

from __future__ import annotations

from services.meaning.remembered import Remembered


def test_what_is_known_is_not_made_again_until_there_is_too_much() -> None:
    asked: list[str] = []

    def make(text: str) -> int:
        asked.append(text)
        return len(text)

    remembered = Remembered(make, 2)
    assert [remembered[text] for text in ("a", "bb", "a", "ccc", "a")] == [1, 2, 1, 3, 1]
    assert asked == ["a", "bb", "ccc", "a"], "the third made it forget the others"
    assert len(remembered) == 2
