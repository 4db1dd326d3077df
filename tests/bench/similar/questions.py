"""Questions with a known issue: a bank's, which are not in the repository, and those of other desks, which are.

`desks.csv` was written for this measurement, before any method was tried on it: sixty issues of a game, a shop and a
software company, some alike, five or six people asking about each in English, German, French or Spanish.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.intake.domain.issues.likeness import opening

BANK = Path(__file__).resolve().parents[4] / "shared" / "data" / "customer_requests.csv"
DESKS = Path(__file__).with_name("desks.csv")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asked, as it is compared, and what about: two with equal `issue` are one issue."""

    text: str
    issue: str


def bank(path: Path = BANK) -> list[Question]:
    """BANKING77's training part. Raises `FileNotFoundError` that says where it is looked for."""
    if not path.is_file():
        raise FileNotFoundError(f"The bank's questions are not there: {path} (columns text and category).")
    return [Question(opening(row["text"], ""), row["category"]) for row in _rows(path)]


LANGUAGES = ("en", "de", "fr", "es")


def other_desks(languages: Sequence[str] = LANGUAGES) -> list[Question]:
    """Those of `desks.csv` in these languages. The same issue at two desks is two."""
    return [
        Question(opening(row["text"], ""), f"{row['desk']}/{row['issue']}")
        for row in _rows(DESKS)
        if row["language"] in languages
    ]


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)
