"""What every command of `deploy/` raises for what a person can mend."""

from __future__ import annotations


class Trouble(Exception):
    """Something a person can mend, said in one sentence. `code` 1: the desk or what it holds; 2: how it was asked."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code
