"""A file's name is shown as it came, and is safe for whoever reads it or saves a file under it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.blank import is_blank
from services.intake.domain.values.file_name import LONGEST, safe_name


@pytest.mark.parametrize(
    "name",
    [
        "receipt.pdf",
        "Scan 2026-03-02 (1).PDF",
        "Größe & Preis – Übersicht.xlsx",
        "写真.jpg",
        "תמונה.png",
        "👩‍👩‍👧 at the lake.jpg",
        ".bashrc",
        "no ending",
        "archive.tar.gz",
        "50% off!.txt",
        "console.log",
    ],
)
def test_a_name_that_is_safe_stays_as_it_is(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\photo.jpg", "photo.jpg"),
        ("C:photo.jpg", "photo.jpg"),
        ("\\\\server\\share\\a.txt", "a.txt"),
        ("photos/", "photos"),
        ("a.txt:hidden.exe", "a.txt_hidden.exe"),
        ("..", "file"),
        (" . ", "file"),
        ("evil.exe. .", "evil.exe"),
        ("  a\tb\r\nc.txt ", "a b c.txt"),
        ("a\x00b\x1b[31m.txt", "ab[31m.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\u2066b\u2069.txt", "ab.txt"),
        ("a\u2028b.txt", "a b.txt"),
        ("", "file"),
        ("\u200b\u3164", "file"),
        ("\u2800.png", "file.png"),
        ("/", "file"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("half \ud83d.png", "half .png"),
    ],
)
def test_what_is_not_safe_is_taken_out(name: str, shown: str) -> None:
    assert safe_name(name) == shown


@pytest.mark.parametrize("letter", ["a", "ä", "写", "👩"])
def test_a_long_name_keeps_its_beginning_and_its_ending(letter: str) -> None:
    shown = safe_name(letter * 1_000 + ".jpeg")
    assert len(shown.encode()) <= LONGEST
    assert shown.startswith(letter * 50)
    assert shown.endswith("….jpeg")
    assert len(safe_name(letter * 500 + "." + letter * 500).encode()) <= LONGEST


names = st.text(st.one_of(st.characters(), st.sampled_from(" ./\\:\u202e\u2067\u200b\x00\ud800CONnul1")), max_size=40)


@given(names | names.map(lambda name: name * 20))
def test_whatever_comes_is_safe_and_stays_so(name: str) -> None:
    shown = safe_name(name)
    assert shown == safe_name(shown)
    assert not is_blank(shown)
    assert 0 < len(shown.encode()) <= LONGEST
    assert not set("/\\:") & set(shown)
    assert shown.strip(". ")
    assert shown == shown.strip()
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(character) for character in shown} & {
        "LRE",
        "RLE",
        "LRO",
        "RLO",
        "PDF",
        "LRI",
        "RLI",
        "FSI",
        "PDI",
    }
