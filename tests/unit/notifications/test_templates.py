"""Templates: shipped ones, the operator's before them, and wrong ones that stop the start with one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.notifications import MAX_TITLE
from services.chassis.settings import WrongSettings
from services.notifications.domain import Facts
from services.notifications.templates import KINDS, Templates

FACTS = Facts("00000042", "Charged twice", "billing", 3, "Ada", "Grace", "Paid back.")


@pytest.mark.parametrize("kind", KINDS)
def test_shipped_texts_name_the_case(kind: str) -> None:
    text = Templates().render(kind, FACTS)  # type: ignore[arg-type]
    assert "00000042" in text.title
    assert "case" in text.text.lower()
    assert "ticket" not in (text.title + text.text).lower()
    assert "\n" not in text.title


def test_the_operators_template_comes_first(tmp_path: Path) -> None:
    _write(tmp_path, "receipt", "Hi {{ requester }}\n\nGot {{ number }}.\n")
    templates = Templates(tmp_path)
    receipt = templates.render("receipt", FACTS)
    assert (receipt.title, receipt.text) == ("Hi Ada", "Got 00000042.")
    assert templates.render("closed", FACTS) == Templates().render("closed", FACTS)


def test_a_template_may_include_another(tmp_path: Path) -> None:
    _write(tmp_path, "_signature", "Yours, {{ agent or 'the desk' }}")
    _write(tmp_path, "closed", "Closed\nBye.\n{% include '_signature.j2' %}")
    assert Templates(tmp_path).render("closed", FACTS).text == "Bye.\nYours, Grace"


def test_plain_text_is_not_escaped() -> None:
    facts = Facts("00000042", "<b> & {{ agent }}", "billing", 3, "Ada", "Grace", "")
    assert '"<b> & {{ agent }}"' in Templates().render("receipt", facts).text


def test_a_title_is_one_line_of_the_contracts_length() -> None:
    facts = Facts("00000042", "x" * 200, "billing", 3, "Ada", "Grace", "")
    title = Templates().render("assigned_to_agent", facts).title
    assert len(title) == MAX_TITLE
    assert title.endswith("…")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("Title\n{% if %}", "receipt.j2, line 2"),
        ("Title\n{{ nubmer }}", "'nubmer' is undefined"),
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


def _write(folder: Path, kind: str, source: str) -> None:
    (folder / "en").mkdir(exist_ok=True)
    (folder / "en" / f"{kind}.j2").write_text(source, encoding="utf-8")
