"""The file of refused rows: unchanged, with line and reason, to be corrected and fed again.

It has the format, encoding and delimiter of the file that was fed. The first refusal creates it. The page is
docs/cli.md.
"""

from __future__ import annotations

import csv
import json
import tempfile
import threading
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from deploy.trouble import Trouble

from .mapping import ATTEMPT, LINE, REASON, REFUSALS, folded
from .rows import JsonLines, Row, Table

SHOWN = 10
"""How many refusals appear on the screen."""


class Refusals:
    """Takes refusals from any thread, and writes them to the file."""

    def __init__(self, rows: Table | JsonLines, path: Path | None = None) -> None:
        """`path`: the file; by default a free name beside the file that was fed, or else in the working folder or the
        folder of temporary files."""
        if path is not None and path.exists() and path.samefile(rows.path):
            raise Trouble(f"--refused {path}: that is the file that you are feeding.", 2)
        self._rows = rows
        self.path = path
        """None: no row was refused yet."""
        self.count = 0
        self.first: list[tuple[int, str]] = []
        """The line and the reason of the first ones."""
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._file: TextIO | None = None
        self._kept = (
            [place for place, name in enumerate(rows.columns) if folded(name) not in REFUSALS]
            if isinstance(rows, Table)
            else []
        )

    def add(self, row: Row, reason: str, attempt: str) -> None:
        """Write a refusal. `attempt`: makes the row another command when it is fed again, if it has to be one."""
        with self._lock:
            self.count += 1
            if len(self.first) < SHOWN:
                self.first.append((row.line, reason))
            try:
                self._write(row, reason, attempt)
            except OSError as error:
                raise Trouble(f"{self.path}: {error.strerror}; the refused rows cannot be written.") from error

    def close(self) -> None:
        """Leave the file complete. Raises Trouble if that fails."""
        try:
            self._open.close()
        except OSError as error:
            raise Trouble(f"{self.path}: {error.strerror}; the refused rows cannot be written.") from error

    def __enter__(self) -> Refusals:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, row: Row, reason: str, attempt: str) -> None:
        table = self._rows if isinstance(self._rows, Table) else None
        begins = self._file is None
        if self._file is None:
            self.path = self.path or _free(self._rows.path)
            # Only the reason can contain a character that the encoding does not have: the row was read in it.
            file = self.path.open("w", encoding=self._rows.encoding, errors="backslashreplace", newline="")
            self._file = self._open.enter_context(file)
        if table is None:
            self._file.write(json.dumps(_object(row, reason, attempt)) + "\n")
            return
        writer = csv.writer(self._file, delimiter=table.delimiter)
        if begins:
            writer.writerow([*(table.columns[place] for place in self._kept), *REFUSALS])
        cells = dict(enumerate(row.raw))
        beyond = list(row.raw)[len(table.columns) :]
        kept = [cells.get(place, "") for place in self._kept]
        writer.writerow([*kept, row.line, reason, attempt, *beyond])


def _object(row: Row, reason: str, attempt: str) -> dict[str, Any]:
    assert isinstance(row.raw, str)
    try:
        found = json.loads(row.raw)
    except (ValueError, RecursionError):
        found = None
    was = found if isinstance(found, dict) else {"was": row.raw.strip()}
    return {**was, LINE: row.line, REASON: reason, ATTEMPT: attempt}


def _free(fed: Path) -> Path:
    """A new name each time, so that it never overwrites a file that somebody is correcting."""
    for folder in (fed.parent, Path(), Path(tempfile.gettempdir())):
        for number in count(1):
            path = folder / f"{fed.stem}.refused{f'-{number}' if number > 1 else ''}{fed.suffix}"
            if path.exists():
                continue
            try:
                path.touch()
            except OSError:
                break
            path.unlink()
            return path
    raise Trouble(f"No file can be created beside {fed} or in this folder: name one with --refused.")
