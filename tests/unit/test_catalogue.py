"""The catalogue: what is shipped, and that a mistake names its file, line and field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.by_language import Worded
from contracts.catalogue import BUSINESS, Target
from services.chassis.catalogue import load_catalogue
from services.chassis.yaml_file import WrongFile

SHIPPED = Path(__file__).parents[2] / "deploy" / "catalogue.yaml"

GOOD = """\
categories:
  - id: safety
    name: Safety
    priority: 1
    targets:
      standard: {first_reply_days: 5, next_reply_days: 1}
  - id: billing
    name: Billing and credits
    priority: 3
    skill: money
    one_open_per: requester
    targets:
      standard: {first_reply_days: 4, next_reply_days: 5}
      vip: {first_reply_days: 1, next_reply_days: 2}
    subcategories: [refund]
    questions:
      - {id: paid-by, label: Paid by, kind: choice, required: true, choices: [card, other]}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "catalogue.yaml"
    path.write_text(text)
    return path


def test_ships_six_categories_by_priority() -> None:
    categories = load_catalogue(SHIPPED).categories
    assert [(each.id, each.name, each.priority) for each in categories.values()] == [
        ("safety", "Safety", 1),
        ("account-access", "Account access", 2),
        ("billing", "Billing and credits", 3),
        ("content-dispute", "Content dispute", 4),
        ("technical", "Technical problem", 5),
        ("general", "General support", 6),
    ]
    for each in categories.values():
        standard, vip = each.targets["standard"], each.targets["vip"]
        assert 1 <= standard.first_reply_days <= 5
        assert 1 <= standard.next_reply_days <= 5
        assert vip.first_reply_days <= min(standard.first_reply_days, 3)
        assert vip.next_reply_days <= min(standard.next_reply_days, 3)
        assert not any(question.required for question in each.questions)


def test_reads_every_field(tmp_path: Path) -> None:
    safety, billing = load_catalogue(written(tmp_path, GOOD)).categories.values()
    assert safety.skill == "safety"
    assert safety.targets == {"standard": Target(5, 1), "vip": Target(3, 1)}
    assert safety.one_open_per == "issue"
    assert billing.skill == "money"
    assert billing.targets["vip"] == Target(1, 2)
    assert billing.one_open_per == "requester"
    assert billing.subcategories == {"refund": Worded("Refund")}
    choices = {"card": Worded("card"), "other": Worded("other")}
    assert (billing.questions[0].required, billing.questions[0].choices) == (True, choices)


def test_whatever_people_read_may_be_there_in_several_languages(tmp_path: Path) -> None:
    text = GOOD.replace("[refund]", "[refund, {id: two-step, names: {de: Zwei Schritte}}, {id: tax, name: Taxes}]")
    text = text.replace("name: Billing and credits", "name: Billing\n    names: {de: Zahlungen, pt_BR: Pagamentos}")
    text = text.replace("label: Paid by", "label: Paid by, labels: {de: Bezahlt mit}")
    text = text.replace("[card, other]", "[{choice: card, name: Card, names: {de: Karte}}, other]")
    billing = load_catalogue(written(tmp_path, text)).categories["billing"]
    assert (billing.name, billing.names) == ("Billing", {"de": "Zahlungen", "pt-BR": "Pagamentos"})
    assert billing.subcategories == {
        "refund": Worded("Refund"),
        "two-step": Worded("Two step", {"de": "Zwei Schritte"}),
        "tax": Worded("Taxes"),
    }
    (question,) = billing.questions
    assert (question.label, question.labels) == ("Paid by", {"de": "Bezahlt mit"})
    assert question.choices == {"card": Worded("Card", {"de": "Karte"}), "other": Worded("other")}


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        (None, "Card"),
        ("en", "Card"),
        ("de", "Karte"),
        ("de-AT", "Karte"),
        ("pt-BR", "Cartão"),
        ("pt", "Cartão"),
        ("it", "Card"),
    ],
)
def test_a_reader_gets_their_language_or_its_plain_form_or_the_text(wanted: str | None, read: str) -> None:
    assert Worded("Card", {"de": "Karte", "pt-BR": "Cartão"}).in_language(wanted) == read


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("priority: 1", "priority: urgent", 4, "categories.1.priority"),
        ("priority: 3", "priority: 0", 9, "categories.2.priority"),
        ("    priority: 1\n", "", 2, "categories.1.priority"),
        ("first_reply_days: 5", "first_reply_days: 6", 6, "categories.1.targets.standard.first_reply_days"),
        ("first_reply_days: 4", "first_reply_days: 0", 13, "categories.2.targets.standard.first_reply_days"),
        ("next_reply_days: 2", "next_reply_days: 4", 14, "categories.2.targets.vip.next_reply_days"),
        ("skill: money", "skil: money", 10, "categories.2.skil"),
        ("one_open_per: requester", "one_open_per: person", 11, "categories.2.one_open_per"),
        ("id: billing", "id: safety", 7, "categories.2.id"),
        ("id: billing", "id: Billing!", 7, "categories.2.id"),
        ("[refund]", "[refund, refund]", 15, "categories.2.subcategories"),
        ("[refund]", "[{id: refund, nam: x}]", 15, "categories.2.subcategories.1.nam"),
        ("[refund]", "[{name: Refund}]", 15, "categories.2.subcategories.1.id"),
        ("[refund]", "[[refund]]", 15, "categories.2.subcategories.1"),
        ("[card, other]", "[card, card]", 17, "categories.2.questions.1.choices"),
        ("[card, other]", "[card, {names: {de: x}}]", 17, "categories.2.questions.1.choices.2.choice"),
        ("label: Paid by", "label: Paid by, labels: {german: x}", 17, "categories.2.questions.1.labels.german"),
        ("label: Paid by", "label: Paid by, labels: [x]", 17, "categories.2.questions.1.labels"),
        ("kind: choice", "kind: text", 17, "categories.2.questions.1.choices"),
        ("kind: choice", "kind: colour", 17, "categories.2.questions.1.kind"),
        ("    skill: money", "    name: Money", 10, "name is there twice"),
        ("skill: money", "skill: [money", 11, "not YAML"),
        ("skill: money", "skill: 2026-02-30", 10, "not YAML (this is no timestamp)"),
    ],
)
def test_a_mistake_names_line_and_field(old: str, new: str, line: int, field: str, tmp_path: Path) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(WrongFile) as wrong:
        load_catalogue(path)
    said = str(wrong.value)
    assert said.startswith(f"{path}, line {line}: {field}")
    assert "\n" not in said


def test_a_calendar_that_does_not_exist_is_named_where_calendars_are_known(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("    skill: money", "    skill: money\n    calendar: utopia"))
    assert load_catalogue(path).categories["billing"].calendar == "utopia"
    assert load_catalogue(path, {BUSINESS, "utopia"}).categories["billing"].calendar == "utopia"
    with pytest.raises(WrongFile, match=rf"^{re.escape(str(path))}, line 11: categories.2.calendar: utopia"):
        load_catalogue(path, {BUSINESS})


@pytest.mark.parametrize("text", ["", "- safety", "categories: []", "categories: {}", "42", "\x00"])
def test_what_is_no_catalogue_at_all(text: str, tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match=r"catalogue\.yaml"):
        load_catalogue(written(tmp_path, text))


def test_what_yaml_cannot_even_read_is_told_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match=r"catalogue\.yaml: not YAML \(unacceptable character #x0000: special"):
        load_catalogue(written(tmp_path, "\x00"))


@pytest.mark.parametrize("text", ["categories: &all [*all]", "[" * 3_000], ids=["within itself", "too deep"])
def test_what_has_no_end(text: str, tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match="nested too deep, or holds itself"):
        load_catalogue(written(tmp_path, text))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match="cannot be read"):
        load_catalogue(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("name: Safety", "name: 2026-13-45", "line 3: not YAML (this is no timestamp)"),
        ("name: Safety", "name: !!bool x", "line 3: not YAML (this is no bool)"),
        ("priority: 1", f"priority: {'9' * 5000}", "line 4: not YAML (this is no int)"),
        ("categories:", "categories: &all [*all]\nmore:", "the catalogue cannot be read (it is nested too deep"),
        ("categories:", f"categories: {'[' * 3000}", "the catalogue cannot be read (it is nested too deep"),
    ],
)
def test_what_yaml_itself_stumbles_over_is_one_sentence_too(old: str, new: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match=re.escape(problem)):
        load_catalogue(written(tmp_path, GOOD.replace(old, new, 1)))
