"""Takes over a changed file of the operator's without a restart; a wrong file is refused, and the old content stays.

It looks at the files once a second, beside the turns. A repository asks for the value once in a turn, so the turn sees
one state of it. The file's reader says what a file holds, and what is wrong with it. The page is docs/operating.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from services.chassis import telemetry
from services.chassis.chores import Chore

log = logging.getLogger(__name__)
T = TypeVar("T")

LOOKED_EVERY = 1.0
"""Seconds."""

_State: TypeAlias = tuple[tuple[int, int, int] | None, ...]


class Reloaded(Generic[T]):
    """What `load` makes of these files: as they were when they were last read and right.

    `load` raises a ValueError whose message is a sentence with file, line and field; the first time, the caller gets
    that error. A file counts as changed when it is another file (Kubernetes swaps a link) or was written to.
    """

    def __init__(self, files: Sequence[Path], load: Callable[[], T]) -> None:
        self._files = files
        self._load = load
        self._seen = self._state()
        self._value = load()

    def __call__(self) -> T:
        """What holds now."""
        return self._value

    def look(self) -> None:
        """Read the files if one has changed since the last look."""
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            self._value = self._load()
        except ValueError as error:
            telemetry.FILES_REFUSED.set(1)
            log.error("%s What was read before stays in force.", error)
        except Exception:  # nothing in a file of the operator's may end a running service
            telemetry.FILES_REFUSED.set(1)
            names = ", ".join(str(file) for file in self._files)
            log.exception("%s: cannot be read. What was read before stays in force.", names)
        else:
            telemetry.FILES_REFUSED.set(0)
            log.info("changed files are in force", extra={"files": [file.name for file in self._files]})

    def _state(self) -> _State:
        return tuple(map(_identity, self._files))


def looking(files: Reloaded[Any]) -> Chore:
    """The chore that checks whether these files have changed."""
    return Chore("the operator's files", LOOKED_EVERY, files.look)


def _identity(file: Path) -> tuple[int, int, int] | None:
    """Tells a file from another under the same name, and from itself before it was written to; None if it does not
    exist."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
