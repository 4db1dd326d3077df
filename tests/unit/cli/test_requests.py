"""Files of requests: what they become, and what is said of those that cannot be read."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import Catalogue
from contracts.registry import command
from deploy.cli.feed.requests import Request, next_attempt, opened, requester_of
from deploy.cli.feed.rows import LARGEST_CELL
from deploy.demo.channels import NAMES
from deploy.trouble import Trouble
from services.chassis.catalogue import load_catalogue
from services.intake.domain.issues.likeness import Wording, likeness, opening, shipped, wording
from services.intake.domain.issues.similarity import SIMILAR_FROM

DEPLOY = Path(__file__).parents[3] / "deploy"
SAMPLES = DEPLOY / "demo" / "requests.jsonl"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(DEPLOY / "catalogue.yaml")


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(path: Path, catalogue: Catalogue, *maps: str, **more: Any) -> list[Any]:
    """What each row became: the data of its request, or its line and why it was refused."""
    return [
        row.data if isinstance(row, Request) else (row.row.line, row.reason)
        for row in opened(path, catalogue, maps=maps, **more)
    ]


def test_a_row_of_a_csv_becomes_a_submission_that_passes_the_contract(tmp_path: Path, catalogue: Catalogue) -> None:
    long = "Why " + "so very " * 40 + "slow?"
    path = write(tmp_path, "a.csv", f'text,category\n"Where is\nmy card?",general\n{long},technical\n')
    first, second = rows(path, catalogue)
    assert (first["subject"], first["body"], first["category"]) == (
        "Where is my card?",
        "Where is\nmy card?",
        "general",
    )
    assert second["body"] == long
    assert len(second["subject"]) <= 122
    assert second["subject"].endswith(" …")
    submit = command("ticket.submit")
    assert submit
    for data in (first, second):
        submit.schema.load(data)


@pytest.mark.parametrize(
    ("written", "id_"),
    [
        ("safety", "safety"), ("SAFETY", "safety"), (" account   Access ", "account-access"), ("Safety", "safety"),
        ("Billing and credits", "billing"), ("pin_blocked", None), ("coffee", None),
        ("fee", None), ("transfer", None), ("cheque", None), ("General support!", None), ("6", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_category_is_an_id_or_a_name_and_nothing_is_guessed(
    tmp_path: Path, catalogue: Catalogue, written: str, id_: str | None
) -> None:
    (found,) = rows(write(tmp_path, "a.csv", f"text,category\nHe follows me,{written}\n"), catalogue)
    if id_ is not None:
        assert found["category"] == id_
    else:
        assert found[0] == 2
        assert found[1].startswith(f"the catalogue has no category '{written}'" if written else "no category")


GERMAN = 'Betreff;Beschreibung;Hilfethema\r\nGröße;"Die Größe\r\nist; falsch — €";Rechnung\r\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", GERMAN.encode("cp1252")),
        ("a.CSV", GERMAN.encode("utf-8-sig")),
        ("a.tsv", GERMAN.replace(";", "\t").replace("ist\t", "ist;").encode("utf-16")),
        ("a.txt", GERMAN.replace(";", "|").replace("ist|", "ist;").encode()),
        ("a.csv", b"sep=;\r\n" + GERMAN.encode()),
        ("a.csv", b"Ausgabe von 2025;;\r\n;;\r\n" + GERMAN.encode()),
        ("a.csv", GERMAN.replace("\r\n", "\r").encode()),
        ("a.csv", GERMAN.replace('";', '" ;').replace(';"', '; "').replace('" ;', '";').encode()),
    ],
)
def test_delimiter_encoding_and_header_are_found(
    tmp_path: Path, catalogue: Catalogue, name: str, content: bytes
) -> None:
    maps = ("subject=betreff", "text=Beschreibung", "category=Hilfethema", "category=rechnung=Billing and credits")
    (found,) = rows(write(tmp_path, name, content), catalogue, *maps)
    assert found["subject"] == "Größe"
    assert found["body"] == "Die Größe\nist; falsch — €"
    assert found["category"] == "billing"


@pytest.mark.parametrize(
    ("content", "named", "sentence"),
    [
        ("text,category\nпривет мир,general\n".encode("cp1251"), None, "read as Windows-1252 it says “ïðèâåò”"),
        ("text,category\nzosta\u0142a,general\n".encode("cp1250"), None, "not UTF-8, and read as Windows-1252"),
        ("text,category\n\u3053\u3093,general\n".encode("shift_jis"), None, "read as Windows-1252 it says"),
        ("text,category\nx,general\n".encode("utf-16-le"), None, "UTF-16 without a byte order mark"),
        (b"PK\x03\x04 and more", None, "a spreadsheet or an archive"),
        (b"text,category\nGr\xf6\xdfe,general\n", "utf-8", "line 2: not utf-8 text"),
        (b"text,category\nx,general\n", "klingon", "there is no such encoding"),
        (b"text,category\nx,general\n", "base64", "there is no such encoding"),
    ],
)
def test_an_encoding_that_is_not_known_is_asked_for(
    tmp_path: Path, catalogue: Catalogue, content: bytes, named: str | None, sentence: str
) -> None:
    with pytest.raises(Trouble, match=sentence) as trouble:
        opened(write(tmp_path, "a.csv", content), catalogue, encoding=named)
    assert trouble.value.code == 2


def test_what_was_taken_for_windows_1252_is_said_with_a_word_of_it(tmp_path: Path, catalogue: Catalogue) -> None:
    found = opened(write(tmp_path, "a.csv", b"text,category\nGr\xf6\xdfe,general\n"), catalogue)
    assert "read as Windows-1252 (“Größe”)" in found.remarks[0]
    assert rows(tmp_path / "a.csv", catalogue, encoding="cp1251")[0]["body"] == "GrцЯe"


@pytest.mark.parametrize(
    ("row", "line", "reason"),
    [
        ("Hi, no sound, sound", 4, "3 cells, and there are 2 columns"),
        ("hello", 4, "no category"),
        (",billing", 4, "no text"),
        ("\n\n ,\nhello", 7, "no category"),
        ('"two\nlines",billing\nhello,nonsense', 6, "the catalogue has no category 'nonsense'"),
        ("x" * 20_001 + ",billing", 4, "body: Must have 1 to 20000 characters"),
        ("\u200b,billing", 4, "body: Must not be blank"),
    ],
)
def test_a_row_that_is_no_request_is_refused_with_its_line_and_the_others_are_taken(
    tmp_path: Path, catalogue: Catalogue, row: str, line: int, reason: str
) -> None:
    path = write(
        tmp_path,
        "a.csv",
        f'text,category\n"first,\nof two",billing\n{row}\nlast,billing\n'.replace(
            '"first,\nof two",billing\n', '"first\nof two",billing\n'
        ),
    )
    found = rows(path, catalogue)
    assert found[0]["body"] == "first\nof two"
    assert found[-1]["body"] == "last"
    (refused,) = [row for row in found if isinstance(row, tuple)]
    assert refused[0] == line
    assert reason in refused[1]


def test_empty_cells_too_many_or_too_few_are_no_fault(tmp_path: Path, catalogue: Catalogue) -> None:
    found = rows(write(tmp_path, "a.csv", "text,category,language\nHello,billing\nHi,billing,en,,\n,,\n"), catalogue)
    assert [row.get("language") for row in found] == [None, "en"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "words,category\n", "line 1: no column named text; there are: 'words', 'category'"),
        ("a.csv", "a;b\n1;2\n", "line 1: no column named category or text; there are: 'a', 'b'"),
        ("a.csv", 'text,category\nx,billing\n"hello,x\nmore,x\n', "line 3: a quotation mark opens a cell there"),
        ("a.csv", 'text,category\n"a "b" c",x\n', "line 2: a quotation mark within"),
        ("a.csv", "text,category\n", "it contains no requests"),
        ("a.csv", "", "it contains no requests"),
        ("a.jsonl", "\n\n", "no column named category or text"),
        ("a.xlsx", "", "give a .csv, .tsv or .jsonl file"),
        ("a.csv", "text,Text,category\nx,y,billing\n", "Two columns are named 'text'"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_with_its_line(
    tmp_path: Path, catalogue: Catalogue, name: str, text: str, sentence: str
) -> None:
    with pytest.raises(Trouble, match=sentence) as trouble:
        opened(write(tmp_path, name, text), catalogue)
    assert trouble.value.code == 2
    assert "\n" not in str(trouble.value)


def test_a_cell_without_an_end_is_not_read_into_the_memory(tmp_path: Path, catalogue: Catalogue) -> None:
    path = write(tmp_path, "a.csv", 'text,category\n"' + "x\n" * (LARGEST_CELL // 2 + 2))
    with pytest.raises(Trouble, match="line 2: a cell there has no end"):
        opened(path, catalogue)


def test_a_file_that_is_not_there_or_no_file_is_said_so(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(Trouble, match="No such file"):
        opened(tmp_path / "none.csv", catalogue)
    with pytest.raises(Trouble, match="not a file"):
        opened(tmp_path, catalogue)


OTHER = "Nr,Summary,Help Topic,Who,Mail,Level\n1,Login,Money,Ann,Ann@example.org,Gold\n2,Sound,Other,,,\n"


@pytest.mark.parametrize(
    ("maps", "category"),
    [
        (["category=Help Topic=billing"], ["billing", "billing"]),
        (["category=Help Topic=general", "category=money=billing"], ["billing", "general"]),
        (["category=Help Topic", "category=Money=billing", "category=other=General support"], ["billing", "general"]),
        (["category==technical"], ["technical", "technical"]),
    ],
)
def test_a_mapping_names_a_column_a_value_or_what_stands_for_the_rest(
    tmp_path: Path, catalogue: Catalogue, maps: list[str], category: list[str]
) -> None:
    found = rows(write(tmp_path, "a.csv", OTHER), catalogue, "text=Summary", *maps)
    assert [row["category"] for row in found] == category


def test_a_requester_is_taken_from_the_columns_and_never_made_up_beside_others(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    maps = ("text=Summary", "category==general", "requester.email=Mail", "requester.display_name=Who",
            "requester.tier=Level", "requester.tier=gold=vip")  # fmt: skip
    first, second = rows(write(tmp_path, "a.csv", OTHER), catalogue, *maps)
    assert first["requester"] == {
        "account_id": "ann@example.org", "display_name": "Ann", "tier": "vip", "email": "Ann@example.org",
    }  # fmt: skip
    assert second == (3, "no requester: neither requester.account_id nor requester.email")


def test_questions_subcategories_and_lists_are_read_as_they_are_meant(tmp_path: Path, catalogue: Catalogue) -> None:
    text = "text,category,subcategory,fields.amount,Paid,distinct_from,issue_key\n"
    text += "Hi,billing,Refund,12.5,CARD,10000001 10000002,A-1\n"
    (found,) = rows(write(tmp_path, "a.csv", text), catalogue, "fields.paid-by=Paid")
    assert found["subcategory"] == "refund"
    assert found["fields"] == {"amount": 12.5, "paid-by": "card"}
    assert found["distinct_from"] == ["10000001", "10000002"]
    assert found["issue_key"] == "A-1"


@pytest.mark.parametrize(
    ("map_", "sentence"),
    [
        ("Summary", "write FIELD=COLUMN or FIELD=VALUE=NEW"),
        ("subject=", "write FIELD=COLUMN or FIELD=VALUE=NEW"),
        ("sumary=Summary", "there is no field 'sumary'; there are origin, category"),
        ("fields.=Summary", "there is no field 'fields.'"),
        ("subject=Sumary", "line 1: no column named Sumary; there are: 'Nr', 'Summary'"),
        ("category=Help Topic=biling", "the catalogue has no category 'biling'; it has safety"),
        ("category==biling", "the catalogue has no category 'biling'"),
        ("language=Deutsch=de", "no column named language"),
    ],
)
def test_a_mapping_that_maps_nothing_is_refused(tmp_path: Path, catalogue: Catalogue, map_: str, sentence: str) -> None:
    with pytest.raises(Trouble, match=sentence) as trouble:
        opened(write(tmp_path, "a.csv", OTHER), catalogue, maps=["text=Summary", "category=Help Topic", map_])
    assert trouble.value.code == 2


def test_json_lines_are_refused_one_by_one_and_keep_what_they_say(tmp_path: Path, catalogue: Catalogue) -> None:
    good = {"issue": {"title": "x"}, "body": "a\nb", "category": "Safety", "requester": {"account_id": "ana"}}
    lines = [good, {**good, "requester": {"account_id": "b", "email": "b@example.org", "tier": "vip"}}]
    text = "\n".join(map(json.dumps, lines)) + '\n\n{"a": \n[1]\n{"body": "\\ud83d", "category": "safety",'
    text += ' "requester": {"account_id": "c"}}\n' + json.dumps({**good, "requester": None}) + "\n"
    found = rows(write(tmp_path, "a.jsonl", text), catalogue, "subject=issue.title")
    assert found[0]["requester"] == {"account_id": "ana", "display_name": "ana", "tier": "standard"}
    assert (found[0]["subject"], found[0]["body"], found[0]["category"]) == ("x", "a\nb", "safety")
    assert found[1]["requester"]["tier"] == "vip"
    assert [row[0] for row in found[2:]] == [4, 5, 6, 7]
    assert [row[1][:10] for row in found[2:4]] == ["not JSON (", "not a JSON"]


def test_json_lines_that_name_nobody_get_a_made_up_requester(tmp_path: Path, catalogue: Catalogue) -> None:
    path = write(tmp_path, "a.JSONL", '{"body": "x", "category": "safety"}\n\n{"body": "y", "category": "safety"}\n')
    assert [row["requester"] for row in rows(path, catalogue)] == [requester_of(0, 1), requester_of(1, 1)]


def test_limit_is_a_prefix(tmp_path: Path, catalogue: Catalogue) -> None:
    path = write(tmp_path, "a.csv", "text,category\n" + "".join(f"question {n},general\n" for n in range(30)))
    assert [row["body"] for row in rows(path, catalogue, limit=7)] == [row["body"] for row in rows(path, catalogue)][:7]


def ids(path: Path, catalogue: Catalogue, **more: Any) -> list[str]:
    return [row.id for row in opened(path, catalogue, **more) if isinstance(row, Request)]


def test_the_same_request_has_the_same_id_in_whatever_file_or_row_it_is(tmp_path: Path, catalogue: Catalogue) -> None:
    first = ids(write(tmp_path, "a.csv", "text,category\nOne,safety\nTwo,billing\nOne,safety\nbad,bad\n"), catalogue)
    assert len(set(first)) == 3, "equal ones are told apart"
    second = write(tmp_path, "b.tsv", "category\ttext\nbilling\tTwo\nsafety\tOne\nsafety\tbad\nsafety\tOne\n")
    again = ids(second, catalogue, requesters=7)
    assert {again[0], again[1], again[3]} == set(first)
    assert again[2] not in first
    assert not set(ids(second, catalogue, again=True)) & set(again)


def test_the_attempt_makes_it_another_command(tmp_path: Path, catalogue: Catalogue) -> None:
    text = "text,category,refused_line,refused_reason,refused_attempt\nOne,safety,5,why,{}\n"
    found = [ids(write(tmp_path, "a.csv", text.format(row)), catalogue) for row in ("", "1", "2", "2-ab12")]
    assert found[0] == found[1]
    assert len({row[0] for row in found}) == 3
    assert next_attempt("1-ab12") == "2-ab12"
    (refused,) = rows(write(tmp_path, "a.csv", text.format("two")), catalogue)
    assert refused == (2, "refused_attempt was changed: leave it as it was written")


@given(st.integers(0, 100_000), st.integers(1, 10_000))
def test_made_up_requesters_are_never_too_many(row: int, people: int) -> None:
    assert int(requester_of(row, people)["account_id"].removeprefix("customer-")) < people


def test_made_up_requesters_are_the_same_for_the_same_row_in_every_run() -> None:
    """So that a file that is fed again comes from the same people."""
    made_up = [requester_of(row, people)["account_id"] for row, people in ((0, 1), (7, 100), (12_345, 1000))]
    assert made_up == ["customer-00000", "customer-00033", "customer-00055"]


def test_made_up_requesters_have_several_requests_some_right_after_another() -> None:
    rows = [requester_of(row, 1000)["account_id"] for row in range(3000)]
    assert set(Counter(rows).values()) == {2, 3, 4}
    assert sum(before == after for before, after in pairwise(rows)) == 250


def test_the_samples_are_good_submissions_of_every_category_and_of_several_languages(catalogue: Catalogue) -> None:
    found = [row for row in opened(SAMPLES, catalogue) if isinstance(row, Request)]
    assert opened(SAMPLES, catalogue).refusable == 0
    assert {row.channel for row in found} == set(NAMES)
    samples = [row.data for row in found]
    for sample in samples:
        category = catalogue.categories[sample["category"]]
        assert sample.get("subcategory", next(iter(category.subcategories))) in category.subcategories
    assert {sample["category"] for sample in samples} == set(catalogue.categories)
    assert len({sample["language"] for sample in samples}) >= 6
    assert len({json.dumps(sample) for sample in samples}) == len(samples) >= 140


def test_some_samples_are_similar_to_an_earlier_one_of_the_same_person(catalogue: Catalogue) -> None:
    model = shipped()
    earlier: dict[str, list[Wording]] = {}
    similar = 0
    for sample in rows(SAMPLES, catalogue):
        asked = wording(opening(sample["subject"], sample["body"]), model)
        others = earlier.setdefault(sample["requester"]["account_id"], [])
        similar += any(likeness(asked, other, model) >= SIMILAR_FROM for other in others)
        others.append(asked)
    assert similar >= 5
