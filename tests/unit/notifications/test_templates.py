"""Templates: shipped ones, the operator's before them, and wrong ones that stop the start with one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.common import MAX_BODY
from contracts.notifications import MAX_TEXT, MAX_TITLE
from services.chassis.settings import WrongSettings
from services.notifications.domain.state import Facts, Kind, Text
from services.notifications.templates import KINDS, SAMPLES, SHIPPED, Templates

FACTS = Facts("00000042", "Charged twice", "billing", 3, "Ada", "Grace", "Paid back.")
OURS = Templates()
"""Compiled once: that takes half a second."""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "contact_code"])
def test_shipped_texts_name_the_case(kind: str) -> None:
    text = OURS.render(kind, FACTS)  # type: ignore[arg-type]
    assert "00000042" in text.title
    assert "case" in text.text.lower()
    assert "ticket" not in (text.title + text.text).lower()
    assert "\n" not in text.title


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_every_language_has_every_kind_in_words_of_its_own(language: str) -> None:
    files = {file.stem: file for file in (SHIPPED / language).glob("*.j2")}
    assert set(files) == set(KINDS)
    for kind in KINDS:
        assert len({(SHIPPED / each / f"{kind}.j2").read_text(encoding="utf-8") for each in ("en", language)}) == (
            1 if language == "en" else 2
        )


def test_what_is_shipped_are_these_languages() -> None:
    assert {folder.name for folder in SHIPPED.iterdir()} == {"de", "en", "es", "fr"}


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_text_says_what_it_is_told(kind: Kind, language: str) -> None:
    told = OURS.render(kind, SAMPLES[0], [language])
    text = told.title + told.text
    assert ("00001234" in text) == (kind != "contact_code")
    quoting = ("info_requested", "solution_suggested", "consent_requested", "replied", "escalated_to_agent")
    if kind in (*quoting, "escalated_to_manager"):
        assert "Which name do you use?" in text
    assert ("https://help.example.org/en/recover-your-account" in text) == (kind == "solution_suggested")
    if kind in ("reminder", "warning", "breach"):
        assert "2026-03-09 09:00 UTC" in text
    if kind == "solution_suggested":
        assert "7 " in text
    assert ("12345678" in text) == (kind == "contact_code")


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_the_end_of_a_merged_case_names_the_case_that_goes_on(language: str) -> None:
    assert "00001200" in OURS.render("closed", SAMPLES[1], [language]).text


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_a_consent_that_was_refused_reads_otherwise_than_one_that_was_granted(language: str) -> None:
    granted, refused = (replace(SAMPLES[0], granted=answer) for answer in (True, False))
    told = [OURS.render("consent_answered", facts, [language]) for facts in (granted, refused)]
    assert told[0].title != told[1].title
    assert told[0].text != told[1].text


@pytest.mark.parametrize(
    ("asked_for", "spoken"),
    [
        ([], "en"),
        (["de"], "de"),
        (["de-AT"], "de"),
        (["DE-at-1996"], "de"),
        (["pt-BR"], "en"),
        (["pt-BR", "es-MX"], "es"),
        (["fr", "de"], "fr"),
    ],
)
def test_the_first_language_that_there_is_is_spoken(asked_for: list[str], spoken: str) -> None:
    templates = OURS
    assert templates.render("receipt", FACTS, asked_for) == templates.render("receipt", FACTS, [spoken])


def test_an_operators_language_may_have_some_kinds_only(tmp_path: Path) -> None:
    _write(tmp_path, "receipt", "Oi {{ requester }}\nChegou {{ number }}.", "pt-BR")
    templates = Templates(tmp_path)
    assert templates.render("receipt", FACTS, ["pt-br"]).text == "Chegou 00000042."
    assert templates.render("receipt", FACTS, ["pt"]) == templates.render("receipt", FACTS)
    assert templates.render("closed", FACTS, ["pt-BR", "fr"]) == templates.render("closed", FACTS, ["fr"])


def test_a_folder_that_is_no_language_is_noticed(tmp_path: Path) -> None:
    _write(tmp_path, "receipt", "Title\ntext", "english")
    with pytest.raises(WrongSettings, match="must be in a folder named as its language"):
        Templates(tmp_path)


def test_a_template_in_no_folder_of_a_language_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "receipt.j2").write_text("Title\ntext")
    with pytest.raises(WrongSettings, match="must be in a folder named as its language"):
        Templates(tmp_path)


def test_a_template_may_have_names_of_its_own(tmp_path: Path) -> None:
    own = "{% set n = namespace(all=0) %}{% for each in range(3) %}{% set n.all = n.all + loop.index %}{% endfor %}"
    _write(tmp_path, "closed", "Closed\n" + own + "{{ n.all }}")
    _write(tmp_path, "_base", "{{ title }}\n{% block text %}{% endblock %}{{ number }}")
    again = "{% set title = 'Again' %}{% extends '_base.j2' %}{% block text %}{{ title }} {% endblock %}"
    _write(tmp_path, "reopened", again)
    templates = Templates(tmp_path)
    assert templates.render("closed", FACTS).text == "6"
    assert templates.render("reopened", FACTS) == Text("Again", "Again 00000042")


def test_the_operators_template_comes_first(tmp_path: Path) -> None:
    _write(tmp_path, "receipt", "Hi {{ requester }}\n\nGot {{ number }}.\n")
    templates = Templates(tmp_path)
    receipt = templates.render("receipt", FACTS)
    assert (receipt.title, receipt.text) == ("Hi Ada", "Got 00000042.")
    assert templates.render("closed", FACTS) == OURS.render("closed", FACTS)


def test_a_template_may_include_another(tmp_path: Path) -> None:
    _write(tmp_path, "_signature", "Yours, {{ agent or 'the desk' }}")
    _write(tmp_path, "closed", "Closed\nBye.\n{% include '_signature.j2' %}")
    assert Templates(tmp_path).render("closed", FACTS).text == "Bye.\nYours, Grace"


def test_plain_text_is_not_escaped() -> None:
    facts = Facts("00000042", "<b> & {{ agent }}", "billing", 3, "Ada", "Grace", "")
    assert '"<b> & {{ agent }}"' in OURS.render("receipt", facts).text


def test_a_title_is_one_line_of_the_contracts_length() -> None:
    facts = Facts("00000042", "x" * 200, "billing", 3, "Ada", "Grace", "")
    title = OURS.render("assigned_to_agent", facts).title
    assert len(title) == MAX_TITLE
    assert title.endswith("…")


def test_a_text_is_of_the_contracts_length_however_much_a_template_makes_of_it(tmp_path: Path) -> None:
    _write(tmp_path, "replied", "A reply\nThey say:\n{{ message | indent(4) }}")
    text = Templates(tmp_path).render("replied", replace(FACTS, message="a\n" * (MAX_BODY // 2))).text
    assert len(text) == MAX_TEXT
    assert text.endswith("…")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("Title\n{% if %}", "receipt.j2, line 2"),
        ("Title\n{{ nubmer }}", "'nubmer' is undefined"),
        (
            "Title\n{% if category == 'billing' %}{{ fone }}{% endif %}Bye.",
            "'fone' is undefined; the names are number,",
        ),
        ("Title\n{{ subject[5] }}", "receipt.j2"),
        ("Title\n{{ requester.upper(1) }}", "receipt.j2"),
        ("Title\n{{ ''.__class__.__mro__ }}", "unsafe"),
        ("Title\n{% include 'nothing.j2' %}", "nothing.j2"),
        ("Only a title", "a title in its first line and a text below it"),
        ("", "a title in its first line and a text below it"),
        ("{{ agent }}\ntext, but no title without an agent", "a title in its first line"),
        ("Title\ntext {{ message }}{{ message }}", "more than 30000 characters"),
    ],
)
def test_a_wrong_template_stops_the_start_with_one_sentence(tmp_path: Path, source: str, said: str) -> None:
    _write(tmp_path, "receipt", source)
    with pytest.raises(WrongSettings) as caught:
        Templates(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["Title\n{% include '_also.j2' %}Bye.", "{% extends '_also.j2' %}"])
def test_a_wrong_name_is_noticed_in_what_a_template_includes_or_extends(tmp_path: Path, source: str) -> None:
    _write(tmp_path, "_also", "Title\n{% if category == 'billing' %}{{ fone }}{% endif %}Bye.")
    _write(tmp_path, "receipt", source)
    with pytest.raises(WrongSettings, match=r"_also\.j2: 'fone' is undefined; the names are number,"):
        Templates(tmp_path)


def test_what_is_included_may_have_names_from_where_it_is(tmp_path: Path) -> None:
    _write(tmp_path, "_line", "{{ each }}{{ mark }}{{ sign(each) }}")
    marks = "{% set mark = '.' %}{% macro sign(of) %}({{ of }}){% endmacro %}"
    _write(tmp_path, "closed", "Closed\n" + marks + "{% for each in 'ab' %}{% include '_line.j2' %}{% endfor %}")
    assert Templates(tmp_path).render("closed", FACTS).text == "a.(a)b.(b)"


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "closed.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(WrongSettings, match="closed"):
        Templates(tmp_path)


def test_a_mistyped_name_is_noticed(tmp_path: Path) -> None:
    _write(tmp_path, "recipt", "Title\ntext")
    with pytest.raises(WrongSettings, match=r"recipt\.j2 belongs to no kind"):
        Templates(tmp_path)


def test_a_folder_that_is_none_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="must be a folder"):
        Templates(tmp_path / "missing")


def _write(folder: Path, kind: str, source: str, language: str = "en") -> None:
    (folder / language).mkdir(exist_ok=True)
    (folder / language / f"{kind}.j2").write_text(source, encoding="utf-8")
