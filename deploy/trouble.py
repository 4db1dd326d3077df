"""What every command of `deploy/` raises for a problem that a person can solve."""

from __future__ import annotations


class Trouble(Exception):
    """A problem that a person can solve, in one sentence. `code` 1: the desk or its data; 2: the command line."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code
