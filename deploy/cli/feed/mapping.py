"""What the columns of a file mean: which column is which field of a request, and what its values mean.

A column with the name of a field is that field. For others the operator says it (`--map`), in one of four ways:

- `FIELD=COLUMN`: the field is in this column;
- `FIELD=VALUE=NEW`: this value in the field's column means `NEW`;
- `FIELD=COLUMN=NEW`: the field is in this column, and every unknown value there means `NEW`;
- `FIELD==NEW`: every row has this value (`FIELD==`: no row has one).

The page is docs/cli.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.registry import command
from deploy.trouble import Trouble

TEXT = "text"
"""Another name of `body`."""
ANSWER = "fields."
"""Before a question's id: the answer to it."""
REQUESTER = (
    "requester.account_id",
    "requester.display_name",
    "requester.tier",
    "requester.email",
    "requester.temporary",
)
LINE, REASON, ATTEMPT = "refused_line", "refused_reason", "refused_attempt"
"""The additional columns of a file of refusals."""
REFUSALS = (LINE, REASON, ATTEMPT)


def wire_fields() -> tuple[str, ...]:
    """The fields of a `ticket.submit` that one column holds."""
    submit = command("ticket.submit")
    assert submit is not None
    return tuple(name for name in submit.schema.wire_fields() if name not in ("requester", "fields"))


FIELDS = (*wire_fields(), *REQUESTER, TEXT, "channel", ATTEMPT)
NO_TEXT = frozenset({"attachments", "automatic", "requester.temporary"})
"""Fields that no cell of a table can hold, whatever the name of its column."""


class Misfit(Exception):
    """A required column is missing; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Said:
    """One `--map`: a field, and what was said of it."""

    field: str
    rest: str

    def __str__(self) -> str:
        return f"--map {self.field}={self.rest}"


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read the rows of a file. `columns`: the column of each field. `means`: what a value means, by field and
    value in lower case. `otherwise`: what any other value means, or what every row has, by field."""

    columns: Mapping[str, str]
    means: Mapping[str, Mapping[str, str]]
    otherwise: Mapping[str, str]
    unused: Sequence[str] = ()
    """Columns that hold no field."""

    @property
    def fields(self) -> Iterable[str]:
        """All fields that a row may have."""
        return {**self.columns, **self.otherwise}

    @property
    def names_requesters(self) -> bool:
        """Whether the file says who asks."""
        return any(field.startswith("requester.") for field in self.fields)

    def value(self, field: str, values: Mapping[str, Any]) -> tuple[Any, bool]:
        """A row's value of a field (None: no value), and whether it comes from a mapping."""
        value = values.get(self.columns.get(field, ""))
        if isinstance(value, str):
            value = value.strip() or None
        if isinstance(value, str) and (meant := self.means.get(field, {}).get(folded(value))) is not None:
            return meant, True
        return value, False


def said(maps: Iterable[str]) -> list[Said]:
    """What the operator wrote after each `--map`. Raises Trouble (code 2) if it maps nothing."""
    found = []
    for given in maps:
        field, equals, rest = given.partition("=")
        field = field.strip()
        if not equals or not rest.strip():
            raise Trouble(f"--map {given}: write FIELD=COLUMN or FIELD=VALUE=NEW, such as subject=Summary.", 2)
        if field not in FIELDS and not (field.startswith(ANSWER) and len(field) > len(ANSWER)):
            usable = ", ".join(name for name in FIELDS if name != ATTEMPT)
            raise Trouble(f"--map {given}: there is no field {field!r}; there are {usable}, {ANSWER}<question>.", 2)
        found.append(Said(body_for_text(field), rest.strip()))
    return found


def reading(maps: Sequence[Said], columns: Sequence[str], ignoring: Collection[str] = ()) -> Reading:
    """What these columns mean by these mappings. The fields `ignoring` need a mapping; a column's name is not enough.

    Raises Misfit if a required column is missing, Trouble (code 2) if it is ambiguous.
    """
    places: dict[str, str] = {}
    means: dict[str, dict[str, str]] = {}
    otherwise: dict[str, str] = {}
    by_name = {folded(column): column for column in reversed(columns) if column}
    for mapping in maps:
        if mapping.rest.startswith("="):
            otherwise[mapping.field] = mapping.rest[1:].strip()
            continue
        column, new = _column_and_value(mapping.rest, by_name)
        if column is not None:
            if places.setdefault(mapping.field, column) != column:
                raise Trouble(f"{mapping}: {mapping.field} is already mapped to {places[mapping.field]!r}.", 2)
            if new:
                otherwise[mapping.field] = new
        elif "=" in mapping.rest:
            value, _, new = mapping.rest.rpartition("=")
            means.setdefault(mapping.field, {})[folded(value)] = new.strip()
        else:
            raise Misfit(f"no column named {mapping.rest}; {_there(columns)}")
    for name, column in by_name.items():
        field = body_for_text(name)
        if (field in FIELDS or name.startswith(ANSWER)) and field not in otherwise and field not in ignoring:
            places.setdefault(field, column)
    known = {*places, *otherwise}
    missing = [name for name in (*sorted(means.keys() - known), "category") if name not in known]
    missing += [] if "body" in known else [TEXT]
    if missing:
        raise Misfit(f"no column named {' or '.join(sorted(set(missing)))}; {_there(columns)}")
    for field, column in places.items():
        if sum(folded(name) == folded(column) for name in columns) > 1:
            raise Trouble(f"Two columns are named {column!r}, and {field} would be in one of them: rename one.", 2)
    used = {*places.values(), *(column for column in columns if folded(column) in REFUSALS)}
    unused = [
        column
        for column in columns
        if column and not any(each == column or each.startswith(f"{column}.") for each in used)
    ]
    return Reading(places, means, otherwise, unused)


def folded(text: str) -> str:
    """Text in the form in which names and values are compared: case and white space make no difference."""
    return " ".join(text.split()).casefold()


def body_for_text(field: str) -> str:
    """The canonical name of the field."""
    return "body" if field == TEXT else field


def _column_and_value(rest: str, by_name: Mapping[str, str]) -> tuple[str | None, str]:
    """The meant column, and what an unknown value in it means. No column if the text names none."""
    if folded(rest) in by_name:
        return by_name[folded(rest)], ""
    place = rest.find("=")
    while place >= 0:
        if (column := by_name.get(folded(rest[:place]))) is not None:
            return column, rest[place + 1 :].strip()
        place = rest.find("=", place + 1)
    return None, ""


def _there(columns: Sequence[str]) -> str:
    return f"there are: {', '.join(repr(column) for column in columns[:30] if column) or 'none'}"
