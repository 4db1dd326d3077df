"""A long history, part by part: whoever follows `before` or `after` sees every entry, and none twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.snapshot import Author, Visibility
from services.intake.domain.tickets.viewing import MOST_ENTRIES, SHOWN
from services.intake.domain.values.history import Entry, part, size
from tests.unit.intake.desk import Desk, Heard, account

AT = datetime(2026, 3, 2, tzinfo=UTC)
LIMIT = 2_000


def entry(version: int, length: int, *, internal: bool = False) -> Entry:
    author = Author(kind="service", id="x", display_name=None)
    visibility: Visibility = "internal" if internal else "public"
    return Entry(str(version), "t", version, "note_added", author, visibility, "x" * length, AT, 0)


def public(entry: Entry) -> bool:
    return entry.visibility == "public"


HISTORIES = st.lists(st.tuples(st.integers(0, 900), st.booleans()), min_size=1, max_size=40).map(
    lambda rows: [entry(place, length, internal=hidden and place > 1) for place, (length, hidden) in enumerate(rows, 1)]
)


@given(HISTORIES)
def test_following_before_from_the_newest_shows_every_entry_once(history: list[Entry]) -> None:
    shown = part(history, LIMIT, len(history), public)
    assert shown.entries[0].version == 1
    seen = list(shown.entries[0 if shown.before is None else 1 :])
    assert shown.after is None
    while shown.before is not None:
        shown = part(history, LIMIT, len(history), public, before=shown.before)
        assert sum(map(size, shown.entries)) <= LIMIT or len(shown.entries) == 1
        seen = [*shown.entries, *seen]
    assert [entry.version for entry in seen] == [entry.version for entry in history if public(entry)]


@given(HISTORIES)
def test_following_after_from_nothing_shows_every_entry_once_in_order(history: list[Entry]) -> None:
    after: int | None = 0
    seen: list[int] = []
    while after is not None:
        shown = part(history, LIMIT, len(history), public, after=after)
        assert shown.before == (after + 1 if after else None)
        seen += [entry.version for entry in shown.entries]
        after = shown.after
    assert seen == [entry.version for entry in history if public(entry)]


@given(HISTORIES, st.integers(1, 60))
def test_a_part_in_the_middle_leads_back_to_where_it_came_from(history: list[Entry], before: int) -> None:
    shown = part(history, LIMIT, len(history), public, before=before)
    assert all(entry.version < before for entry in shown.entries)
    if shown.after is not None:
        later = part(history, 10**9, len(history), public, after=shown.after)
        assert [entry.version for entry in (*shown.entries, *later.entries)] == [
            entry.version for entry in history if public(entry) and entry.version >= (shown.before or 1)
        ]


def test_a_gap_in_what_was_read_ends_a_part() -> None:
    """Another command of the same turn may have read another part of the same history."""
    read = [entry(place, 10) for place in (1, 2, 3, 7, 8, 9)]
    shown = part(read, LIMIT, 9, public)
    assert ([entry.version for entry in shown.entries], shown.before) == ([1, 7, 8, 9], 7)


def test_the_smallest_entry_takes_more_than_a_hundred_bytes() -> None:
    """So this many entries are enough for any answer."""
    assert size(entry(1, 0)) * MOST_ENTRIES > SHOWN


def long_history() -> tuple[Desk, str]:
    desk = Desk()
    number = desk.opened(body="opening")
    desk.assign(number, "a1")
    for place in range(100):
        desk.reply(number, body=f"{place} " + "x" * 19_000)
    return desk, number


def viewed(desk: Desk, number: str, **more: int) -> Heard:
    return desk.send("ticket.view", {"requester": account(), "number": number, **more})


def test_a_requester_reaches_the_middle_of_a_long_history() -> None:
    desk, number = long_history()
    heard = viewed(desk, number)
    texts = [entry["text"].split()[0] for entry in heard.data["history"]][1:]
    while "before" in heard.data:
        heard = viewed(desk, number, before=heard.data["before"])
        texts = [entry["text"].split()[0] for entry in heard.data["history"]] + texts
        assert heard.data["truncated"] is True
    assert texts == ["opening", *map(str, range(100))], "and nothing internal"


def test_an_agent_reads_on_from_the_beginning() -> None:
    desk, number = long_history()
    heard = desk.agent("ticket.view", number, after=0)
    assert [entry["kind"] for entry in heard.data["history"]][:3] == ["opened", "assigned", "customer_replied"]
    assert "before" not in heard.data
    again = desk.agent("ticket.view", number, after=heard.data["after"])
    assert again.data["before"] == heard.data["after"] + 1
    assert again.data["history"][0] != heard.data["history"][-1]


@pytest.mark.parametrize(
    ("asked", "history", "more"),
    [
        ({"before": 1}, [], {"after": 0}),
        ({"before": 2}, ["opened"], {"after": 1}),
        ({"before": 2**53}, ["opened", "solution_suggested"], {}),
        ({"after": 0}, ["opened", "solution_suggested"], {}),
        ({"after": 2}, ["solution_suggested"], {"before": 3}),
        ({"after": 3}, [], {"before": 4}),
        ({"after": 2**53}, [], {"before": 4}),
    ],
)
def test_the_ends_of_a_short_history(asked: dict[str, int], history: list[str], more: dict[str, int]) -> None:
    desk = Desk()
    number = desk.opened(status="solution_suggested")
    data = viewed(desk, number, **asked).data
    assert [entry["kind"] for entry in data["history"]] == history
    assert {name: data[name] for name in ("before", "after") if name in data} == more


def test_before_and_after_at_once_is_refused() -> None:
    desk = Desk()
    heard = viewed(desk, desk.opened(), before=5, after=1)
    assert heard.code == "invalid"
    assert set(heard.data["errors"]) == {"before", "after"}
