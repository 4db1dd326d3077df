"""When two subjects are one issue."""

from __future__ import annotations

import unicodedata
from collections import deque
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.blank import FOR_COMPARING, IGNORABLE, is_blank
from services.intake.domain.issues.key import as_made_now, as_seen, normalised, one_open_key, told_apart
from services.intake.domain.state import View
from tests.unit.intake.desk import CATALOGUE, Desk, category

MARKS = "  \t\n.,;:!?-–—…'’\"()[]/"
WORDS = st.lists(st.text("abcxyzäßéλж0159漢", min_size=1, max_size=8), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Cannot log in", "cannot LOG in"),
        ("Cannot log in", "  Cannot\tlog \n in "),
        ("Cannot log in!", "¿Cannot, log-in…"),
        ("café", "cafe\u0301"),
        ("\ufb01le 12", "file \uff11\uff12"),
        ("STRASSE", "straße"),
        ("pass\u00adword", "password"),
        ("log\u200bin", "login"),
        ("\u260e\ufe0f is dead", "\u260e is dead"),
        ("fa\u034fmily", "family"),
        ("\U0001f469\u200d\U0001f466", "\U0001f469\U0001f466"),
        ("می\u200cخواهم", "میخواهم"),
        ("login\U000e0020\U000e007f", "login"),
        ("log\u2800in", "log in"),
        ("\u3164log\uffa0in\u2060", "login"),
    ],
)
def test_compatibility_case_space_and_punctuation_make_no_difference(first: str, second: str) -> None:
    assert normalised(first) == normalised(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [("log in", "log out"), ("C++", "C"), ("5 €", "5 $"), ("!!!", "???"), ("café", "cafe"), ("order 7", "order 8")],
)
def test_other_words_signs_and_marks_alone_do(first: str, second: str) -> None:
    assert normalised(first) != normalised(second)


@given(st.text())
def test_normalising_again_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)
    assert as_seen(as_seen(text)) == as_seen(text)


odd = st.text(st.sampled_from([*map(chr, FOR_COMPARING), *"aé.\u0301\u0600漢"]))


@given(st.text() | odd)
def test_nothing_is_left_of_what_nobody_sees_and_something_of_all_else(text: str) -> None:
    assert (normalised(text) == "") == (as_seen(text) == "") == is_blank(text)


@given(st.data())
def test_what_is_ignorable_makes_no_difference_wherever_it_is(data: st.DataObject) -> None:
    ignorable = st.text(
        st.sampled_from([chr(code) for first, last in IGNORABLE for code in range(first, min(last, first + 99) + 1)])
    )
    text = "Ａ- café, 漢 order"
    written = "".join(character + data.draw(ignorable) for character in text)
    assert normalised(written) == normalised(text)
    assert as_seen(written) == as_seen(text)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("order:17", "order:17\u200b"),
        ("order:17", "  order:17 "),
        ("order 17", "order\u00a0\t 17"),
        ("café", "cafe\u0301"),
        ("１７", "17"),
        ("a\ufe0fb", "ab"),
    ],
)
def test_a_channels_keys_that_look_the_same_are_one(first: str, second: str) -> None:
    assert one_open_key(category("billing"), None, "a", first) == one_open_key(category("safety"), None, "b", second)


@pytest.mark.parametrize(
    ("first", "second"), [("A1", "a1"), ("a-1", "a1"), ("a-1", "a 1"), ("1.7", "17"), ("17", "18")]
)
def test_a_channels_keys_that_look_otherwise_are_two(first: str, second: str) -> None:
    assert one_open_key(category("billing"), None, "a", first) != one_open_key(category("billing"), None, "a", second)


@given(WORDS, st.data())
def test_however_words_are_written_they_are_the_same(words: list[str], data: st.DataObject) -> None:
    gap = st.text(MARKS, min_size=1, max_size=4)
    written = data.draw(gap) + "".join(
        data.draw(st.sampled_from([word, word.upper().lower(), unicodedata.normalize("NFD", word)])) + data.draw(gap)
        for word in words
    )
    assert normalised(written) == normalised(" ".join(words))


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_keys_of_different_kinds_never_meet(subject: str, issue_key: str) -> None:
    keys = [
        one_open_key(category("billing"), None, subject, None),
        one_open_key(category("billing"), None, subject, issue_key),
        one_open_key(category("billing", one_open_per="category"), None, subject, issue_key),
        one_open_key(category("billing", one_open_per="requester"), None, subject, issue_key),
    ]
    assert len(set(keys)) == 4


def test_category_and_subcategory_are_part_of_an_issue_without_key() -> None:
    keys = {
        one_open_key(category(name), sub, "Card", None) for name in ("billing", "technical") for sub in (None, "refund")
    }
    assert len(keys) == 4
    assert one_open_key(category("billing"), "card", "a", "o7") == one_open_key(category("safety"), None, "b", "o7")


OLDER = [
    ("\u2764\ufe0f lost", "\u2764 lost"),
    ("fa\u034fmily", "family"),
    ("log\u2800in", "log in"),
    ("\u3164no sound", "no sound"),
]
"""Subjects as an older version compared them, and as they are compared now."""


@pytest.mark.parametrize(("older", "now"), OLDER)
def test_a_key_of_an_older_version_is_taken_as_it_is_made_now(older: str, now: str) -> None:
    made = one_open_key(category("billing"), "card", now, None)
    kept = made.replace(now, older)
    assert as_made_now(kept) == made == as_made_now(made)
    assert as_made_now(told_apart(kept, 2)) == told_apart(made, 2)
    assert as_made_now(f"issue\x1f {older}\x1f") == one_open_key(category("billing"), None, "x", now)
    assert [as_made_now(key) for key in ("requester", "category\x1fbilling")] == ["requester", "category\x1fbilling"]


@pytest.mark.parametrize(("older", "now"), OLDER)
def test_a_ticket_that_an_older_version_filed_holds_its_issue(older: str, now: str) -> None:
    desk = Desk()
    filed = desk.ticket(desk.submit(subject=now).ticket["number"])
    stored = replace(filed, key=filed.key.replace(now, older))
    view = View(CATALOGUE, numbers=deque())
    view.know(stored)
    holds = view.holder
    assert holds(filed.person, filed.key) == stored == holds(filed.person, stored.key)
    assert holds(filed.person, told_apart(filed.key, 2)) is holds("account:bob", filed.key) is None
    assert desk.state.holder(filed.person, stored.key) == filed, "and a closed one finds the one that is open now"
