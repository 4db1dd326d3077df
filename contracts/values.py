"""`dataclass` for contracts and services: frozen for mypy, and as fast to construct as any other.

The standard library freezes a dataclass by setting each field the slow way on construction: ten times as slow for a
ticket. A service constructs a dozen values for each message. See docs/decisions/0016.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, eq: bool = True, **options: Any) -> Any:
        """Like `dataclasses.dataclass`. A frozen one also compares and hashes by its fields."""
        made: Callable[[type], type] = dataclasses.dataclass(eq=eq, unsafe_hash=frozen and eq, **options)
        return made if cls is None else made(cls)
