"""Files of requests: what they become, and what is said of those that cannot be read."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import Catalogue
from contracts.registry import command
from deploy.cli.intents import category_of
from deploy.cli.requests import read, requester_of
from deploy.cli.settings import Trouble
from deploy.demo.channels import NAMES
from services.chassis.catalogue import load_catalogue
from services.intake.domain.likeness import Wording, likeness, opening, shipped, wording
from services.intake.domain.similarity import SIMILAR_FROM

DEPLOY = Path(__file__).parents[3] / "deploy"
SAMPLES = DEPLOY / "demo" / "requests.jsonl"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(DEPLOY / "catalogue.yaml")


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_of_a_csv_becomes_a_submission_that_passes_the_contract(tmp_path: Path) -> None:
    long = "Why " + "so very " * 40 + "slow?"
    path = write(tmp_path, "a.csv", f'text,category\n"Where is\nmy card?",card_arrival\n{long},declined_transfer\n')
    first, second = read(path)
    assert (first["subject"], first["body"], first["category"]) == ("Where is my card?", "Where is my card?", "general")
    assert second["body"] == long
    assert len(second["subject"]) <= 122
    assert second["subject"].endswith(" …")
    submit = command("ticket.submit")
    assert submit
    for data in (first, second):
        submit.schema.load(data)


def test_a_line_of_a_jsonl_keeps_its_requester_and_gets_one_if_it_names_none(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"subject": "x", "requester": {"account_id": "ana"}}\n\n{"subject": "y"}\n')
    first, second = read(path)
    assert first["requester"] == {"account_id": "ana"}
    assert second["requester"] == requester_of(1, 1)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "words,category\n", "line 1: no column named text"),
        ("a.csv", "text,category\nhello,x\n,x\n", "line 3: no text"),
        ("a.csv", "text,category\nhello\n", "line 2: no category"),
        ("a.csv", 'text,category\n"hello,x\n', "line 2: "),
        ("a.csv", "text,category\n", "no requests in it"),
        ("a.jsonl", '{"a": 1}\n{"a": \n', "line 2: not JSON"),
        ("a.jsonl", "\n[1]\n", "line 2: not a JSON object"),
        ("a.xlsx", "", "a .csv or a .jsonl is wanted"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(Trouble, match=sentence) as trouble:
        read(write(tmp_path, name, text))
    assert trouble.value.code == 2
    assert "\n" not in str(trouble.value)


def test_a_file_that_is_not_there_or_not_text_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="No such file"):
        read(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_bytes(b"text,category\n\xff\xfe,x\n")
    with pytest.raises(Trouble, match="not UTF-8"):
        read(tmp_path / "a.csv")


def test_limit_is_a_prefix(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,category\n" + "".join(f"question {n},atm_support\n" for n in range(30)))
    assert [one["body"] for one in read(path, limit=7)] == [one["body"] for one in read(path)][:7]


@given(st.integers(0, 100_000), st.integers(1, 10_000))
def test_made_up_requesters_are_the_same_for_the_same_row_and_never_too_many(row: int, people: int) -> None:
    assert requester_of(row, people) == requester_of(row, people)
    assert int(requester_of(row, people)["account_id"].removeprefix("customer-")) < people


def test_made_up_requesters_have_several_requests_some_right_after_another() -> None:
    rows = [requester_of(row, 1000)["account_id"] for row in range(3000)]
    assert set(Counter(rows).values()) <= {2, 3, 4, 5}
    assert sum(before == after for before, after in pairwise(rows)) == 250


@pytest.mark.parametrize(
    ("intent", "category"),
    [
        ("compromised_card", "safety"),
        ("passcode_forgotten", "account-access"),
        ("pin_blocked", "account-access"),
        ("topping_up_by_card", "billing"),
        ("request_refund", "content-dispute"),
        ("Refund_not_showing_up", "technical"),
        ("card_payment_fee_charged", "billing"),
        ("card_arrival", "general"),
    ],
)
def test_intents_map_to_categories_of_the_catalogue(catalogue: Catalogue, intent: str, category: str) -> None:
    assert category_of(intent) == category
    assert category in catalogue.categories


def test_the_samples_are_good_submissions_of_every_category_and_of_several_languages(catalogue: Catalogue) -> None:
    samples = read(SAMPLES)
    submit = command("ticket.submit")
    assert submit
    for sample in samples:
        assert sample["channel"] in NAMES
        submit.schema.load(sample)
        category = catalogue.categories[sample["category"]]
        assert sample.get("subcategory", *category.subcategories[:1]) in category.subcategories
    assert {sample["category"] for sample in samples} == set(catalogue.categories)
    assert len({sample["language"] for sample in samples}) >= 6
    assert len({json.dumps(sample) for sample in samples}) == len(samples) >= 140


def test_some_samples_are_similar_to_an_earlier_one_of_the_same_person() -> None:
    model = shipped()
    earlier: dict[str, list[Wording]] = {}
    similar = 0
    for sample in read(SAMPLES):
        asked = wording(opening(sample["subject"], sample["body"]), model)
        others = earlier.setdefault(sample["requester"]["account_id"], [])
        similar += any(likeness(asked, other, model) >= SIMILAR_FROM for other in others)
        others.append(asked)
    assert similar >= 5
