"""Languages as people's systems write them, and which of them a listed language covers."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from marshmallow import ValidationError

from contracts.accounts import PreferencesChanged, SetPreferences
from contracts.languages import LONGEST, PLAIN, covering, nearest, speaks
from contracts.payload import schema_of

TAG = schema_of(PreferencesChanged).wire_fields()["language"]
NEAREST = schema_of(SetPreferences).wire_fields()["language"]


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("en", "en"), ("EN", "en"), ("pt-BR", "pt-BR"), ("pt-br", "pt-BR"), ("pt_BR", "pt-BR"), ("PT_br", "pt-BR"),
        ("en-US-u-hc-h12", "en-US"), ("de-DE-u-co-phonebk-x-mine", "de-DE"), ("zh-Hant-TW-x-private", "zh-Hant-TW"),
        ("zh_hant_tw", "zh-Hant-TW"), ("de_DE.UTF-8", "de-DE"),
        ("sr_RS@latin", "sr-RS"), ("ca_ES.UTF-8@valencia", "ca-ES"),
        ("zh_TW_#Hant", "zh-TW"), ("th_TH_TH_#u-nu-thai", "th-TH"), ("sr__#Latn", "sr"), ("en_US_POSIX", "en-US-posix"),
        ("en-US,en;q=0.9,de;q=0.8", "en-US"), ("de:en_US:fr", "de"), ("fr-CA; charset=utf-8", "fr-CA"), ("en ", "en"),
        ("es-419", "es-419"), ("de-CH-1996", "de-CH-1996"), ("sl-rozaj-biske", "sl-rozaj-biske"), ("en-", "en"),
        ("eng", "en"), ("deu_DE", "de-DE"), ("ger", "de"), ("iw-IL", "he-IL"), ("in", "id"), ("fil-PH", "fil-PH"),
        ("en-USA", "en"), ("zh-yue-HK", "yue-HK"),
        ("zh-cmn-Hans-CN", "zh-Hans-CN"), ("zh-und", "zh"), ("en-Latn-US-toolongsubtag", "en-Latn-US"),
        ("english", None), ("C", None), ("POSIX", None), ("C.UTF-8", None),
        ("", None), (" ", None), ("-en", None), ("*", None),
        ("i-klingon", None), ("x-mine", None), ("und", None),
        ("UND-US", None), ("mul", None), ("zxx", None), ("de/AT", None),
        ("fr\u00e9", None), ("\uff45\uff4e", None), ("12", None), ("e", None), ("null", None), ("undefined", None),
    ],
)  # fmt: skip
def test_the_nearest_language_is_taken(written: str, tag: str | None) -> None:
    assert nearest(written) == tag


written = st.text("aenZhDE0159-_.@,;: #\n*é", max_size=50) | st.from_regex("[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,9}){0,9}")


@given(written)
def test_what_is_taken_is_a_tag_and_stays_what_it_is(text: str) -> None:
    tag = nearest(text)
    if tag is not None:
        assert TAG.read(tag) == nearest(tag) == tag
        assert len(tag) <= LONGEST


def test_a_plain_tag_is_its_own_nearest() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    for code in (first + second for first in letters for second in letters):
        for tag in (code, f"{code}-DE"):
            assert (re.fullmatch(PLAIN, tag) is not None) == (nearest(tag) == tag), tag


@example("DD\n")
@given(written)
def test_python_and_json_schema_take_the_same(text: str) -> None:
    field = NEAREST
    try:
        assert field.read(text) == nearest(text)
        taken = True
    except ValidationError:
        taken = False
    # JSON Schema's `$` is the very end; this validator's, which is Python's, is before a last line break too.
    schema = field.json_schema()
    schema["pattern"] = schema["pattern"].removesuffix("$") + r"\Z"
    assert Draft202012Validator(schema).is_valid(text) == taken


@pytest.mark.parametrize(
    ("listed", "tag", "covered"),
    [
        ("pt", "pt-BR", True), ("pt", "PT", True), ("pt-BR", "pt-br", True), ("zh-TW", "zh-Hant-TW", True),
        ("zh-Hant", "zh-Hant-TW", True), ("de-CH", "de-CH-1996", True), ("de-1996", "de-CH-1996", True),
        ("pt-BR", "pt", False), ("pt", "p", False), ("p", "pt", False), ("en-GB", "en-US", False), ("e", "en", False),
        ("zh-Hans", "zh-Hant-TW", False), ("en-US", "de-US", False), ("yu", "yue", False),
    ],
)  # fmt: skip
def test_a_listed_language_covers_its_varieties(listed: str, tag: str, covered: bool) -> None:
    assert speaks([listed], tag) == speaks(("fr", listed), tag) == covered
    assert (re.search(covering(["fr", listed]), tag, re.IGNORECASE) is not None) == covered
    assert not speaks([], tag)
