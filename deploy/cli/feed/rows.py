"""The rows of a file, one request each, with the line number of an editor: delimited text, or JSON lines.

It reads a row once and keeps it no longer than necessary, so a file may be larger than the memory. mapping.py says what
the columns mean. The page is docs/cli.md.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from deploy.trouble import Trouble

from .encoding import Encoding
from .mapping import Misfit, Reading

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
HEADER_WITHIN = 20
"""How many lines to search for the header line: some exports begin with a title."""

LARGEST_CELL = 4 << 20
"""A cell with more characters probably misses its closing quotation mark."""

KNOWN_BY = 1000
"""How many objects of JSON lines to read to learn their keys."""

csv.field_size_limit(LARGEST_CELL)

Fits = Callable[[Sequence[str]], Reading]
"""What columns with these names mean. Raises Misfit."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its first line, its values by column, and its form in the file (cells, or the text of a line).

    `fault`: why it cannot be read.
    """

    line: int
    values: Mapping[str, Any]
    raw: Sequence[str] | str
    fault: str = ""


class Table:
    """Delimited text with a header line. `fits` judges the columns of each possible line and delimiter, and raises
    Misfit; `fitted` is its result for the chosen ones.

    Raises Trouble (code 2) if nothing fits, or if a quotation mark makes it unclear where rows end.
    """

    def __init__(self, path: Path, encoding: str, delimiter: str | None, fits: Fits) -> None:
        self.path, self.encoding = path, encoding
        self.remark = ""
        self.delimiter, self.header_line, self.columns, self.fitted = self._found(_delimiters(path, delimiter), fits)
        if self.header_line > 1 and not self._says_delimiter:
            self.remark = f"{path}: the columns' names are on line {self.header_line}; the lines above are ignored."

    def __iter__(self) -> Iterator[Row]:
        with self.path.open(encoding=self.encoding, newline="") as lines:
            above = sum(1 for _ in islice(lines, self.header_line - 1))
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True, skipinitialspace=True)
            next(reader)
            while True:
                line = above + reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    raise self._wrong(error, line, above + reader.line_num) from error
                if any(map(str.strip, cells)):
                    yield self._row(line, cells)

    def _row(self, line: int, cells: list[str]) -> Row:
        beyond = [cell for cell in cells[len(self.columns) :] if cell.strip()]
        fault = ""
        if beyond:
            fault = (
                f"{len(cells)} cells, and there are {len(self.columns)} columns: a cell with a delimiter in it needs "
                "quotation marks"
            )
        return Row(line, dict(zip(self.columns, cells, strict=False)), cells, fault)

    def _wrong(self, error: csv.Error, first: int, last: int) -> Trouble:
        words = str(error)
        if "end of data" in words:
            sentence = f"line {first}: a quotation mark opens a cell there, and none closes it"
        elif "field limit" in words:
            sentence = f"line {first}: a cell there has no end; is a closing quotation mark missing?"
        else:
            sentence = f"line {last}: a quotation mark within a cell that is in quotation marks is written twice"
        return Trouble(f"{self.path}, {sentence}. So it is unclear where rows end, and nothing was fed.", 2)

    def _found(self, delimiters: Sequence[str], fits: Fits) -> tuple[str, int, list[str], Reading]:
        with self.path.open(encoding=self.encoding, newline="") as file:
            head = list(islice(file, 200))
        self._says_delimiter = bool(head) and head[0].lower().startswith("sep=") and len(head[0].strip()) == 5
        if self._says_delimiter:
            delimiters = [head[0].strip()[4]]
        closest: tuple[int, int, Misfit] | None = None
        """The first line with matching columns: its number, how many match, what is missing."""
        for place in range(int(self._says_delimiter), min(HEADER_WITHIN, len(head))):
            fitting = []
            for delimiter in delimiters:
                columns = _columns(head[place:], delimiter)
                try:
                    fitting.append((delimiter, place + 1, columns, fits(columns)))
                except Misfit as misfit:
                    line, count = (place + 1, 0) if closest is None else closest[:2]
                    if any(columns) and line == place + 1 and len(columns) > count:
                        closest = (line, len(columns), misfit)
            if fitting:
                return max(fitting, key=lambda found: len(found[2]))
        if closest is None:
            raise Trouble(f"{self.path}: it contains no requests.", 2)
        raise Trouble(f"{self.path}, line {closest[0]}: {closest[2]}.", 2)


class JsonLines:
    """One JSON object per line. The columns are the keys of the objects; a dot joins keys of nested objects."""

    def __init__(self, path: Path, encoding: str, fits: Fits) -> None:
        self.path, self.encoding = path, encoding
        self.remark = ""
        columns = dict.fromkeys(column for row in islice(self, KNOWN_BY) for column in row.values)
        try:
            self.fitted = fits(list(columns))
        except Misfit as misfit:
            raise Trouble(f"{path}: {misfit}.", 2) from misfit

    def __iter__(self) -> Iterator[Row]:
        with self.path.open(encoding=self.encoding) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _of_json(number, line)


def _of_json(number: int, line: str) -> Row:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Row(number, {}, line, f"not JSON ({error})")
    if not isinstance(found, dict):
        return Row(number, {}, line, "not a JSON object")
    return Row(number, dict(_flat(found, "")), line)


def _flat(found: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, value in found.items():
        yield above + key, value
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")


def _columns(lines: Sequence[str], delimiter: str) -> list[str]:
    """The first of these lines, split by this delimiter; empty if it is not a row."""
    try:
        cells = next(csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True), [])
    except csv.Error:
        return []
    return [" ".join(cell.replace("\ufeff", "").split()) for cell in cells]


def _delimiters(path: Path, named: str | None) -> list[str]:
    if named is None:
        usual = list(DELIMITERS.values())
        return ["\t", *usual] if path.suffix.lower() in (".tsv", ".tab") else usual
    delimiter = DELIMITERS.get(named, "\t" if named == "\\t" else named)
    if len(delimiter) != 1 or delimiter in '"\r\n ':
        raise Trouble(f"--delimiter {named!r}: give one character, or one of {', '.join(DELIMITERS)}.", 2)
    return [delimiter]


def rows_of(path: Path, encoding: Encoding, delimiter: str | None, fits: Fits) -> Table | JsonLines:
    """The rows of a file by its suffix, in any case. Raises Trouble (code 2) for an unknown suffix."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".tab", ".txt"):
        return Table(path, encoding.name, delimiter, fits)
    if suffix in (".jsonl", ".ndjson"):
        return JsonLines(path, encoding.name, fits)
    raise Trouble(f"{path}: unknown kind of file; give a .csv, .tsv or .jsonl file.", 2)
