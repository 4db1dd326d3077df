"""`dataclass`, as contracts and services use it: a frozen one is frozen for mypy, and made as fast as any other.

The standard library freezes a dataclass by setting each field the slow way as it is made: ten times as slow for a
ticket. A service makes a dozen values for each message. See docs/decisions/0016.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, eq: bool = True, **options: Any) -> Any:
        """As `dataclasses.dataclass`. A frozen one compares and hashes by its fields, as there."""
        made: Callable[[type], type] = dataclasses.dataclass(eq=eq, unsafe_hash=frozen and eq, **options)
        return made if cls is None else made(cls)
