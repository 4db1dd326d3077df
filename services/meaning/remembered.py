"""What is made of strings, kept for the next time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Remembered(dict[str, T]):
    """`remembered[text]` is what `make` makes of the text. Threads may share it.

    It forgets all when it holds too many. An lru_cache, which does not, takes three times as long to find what it
    knows, and that counts where every word of every text is looked up.
    """

    def __init__(self, make: Callable[[str], T], most: int) -> None:
        super().__init__()
        self._make = make
        self._most = most

    def __missing__(self, text: str) -> T:
        if len(self) >= self._most:
            self.clear()
        made = self[text] = self._make(text)
        return made
