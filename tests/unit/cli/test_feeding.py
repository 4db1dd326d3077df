"""Feeding: what was not filed is written down to be corrected and fed again, and nothing is filed twice."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from contracts.catalogue import Catalogue
from contracts.envelope import Event, parse
from deploy.cli.feed import feeding
from deploy.cli.feed.feeding import feed_with_bar
from deploy.cli.feed.refusals import Refusals
from deploy.cli.feed.requests import opened
from deploy.trouble import Trouble
from services.chassis.catalogue import load_catalogue
from services.client import core
from services.client.errors import NotTaken, Unroutable

Outcome = tuple[str, dict[str, Any]] | None
OPENED: Outcome = ("ticket.opened", {"ticket": {"number": "10000001"}})


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parents[3] / "deploy" / "catalogue.yaml")


class FakeDesk:
    """A client whose desk answers at once: `answers` says what becomes of a subject (None: nothing comes)."""

    user = "web"
    blocked = False

    def __init__(self, answers: Callable[[str], Outcome]) -> None:
        self.answers = answers
        self.sent: list[Event] = []

    def send(self, sending: core.Sending, *, within: float) -> Future[core.Outcome]:
        event = parse(sending.body)
        self.sent.append(event)
        future: Future[core.Outcome] = Future()
        match self.answers(event.data["subject"]):
            case ("returned", _):
                future.set_exception(Unroutable(event.id, event.type))
            case ("refused", _):
                future.set_exception(NotTaken(event.id, event.type, "its queue is full"))
            case (type_, data):
                at = datetime(2026, 1, 1, tzinfo=UTC)
                answer = Event(f"o-{event.id}", type_, "/services/intake", at, data, causationid=event.id)
                future.set_result(core.Outcome(answer, b"", "outcome"))
        return future


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "PATIENCE", 0.0)


def fed(path: Path, catalogue: Catalogue, answers: Callable[[str], Outcome], **more: Any) -> tuple[bool, FakeDesk, str]:
    """Feed a file. Returns whether all of it was filed, the desk, and what was said."""
    file = opened(path, catalogue, **more)
    desk = FakeDesk(answers)
    console = Console(width=200, force_terminal=False, record=True)
    with Refusals(file.rows) as refusals:
        complete = feed_with_bar(console, desk, file, refusals, None)  # type: ignore[arg-type]
    return complete, desk, console.export_text()


REJECTED: Outcome = (
    "command.rejected",
    {"code": "invalid", "message": "Please correct.", "errors": {"subject": ["No."]}},
)
BECOMES: dict[str, Outcome] = {
    "filed": OPENED,
    "noted": ("ticket.duplicate", {"ticket": {"number": "10000001"}, "note_id": "n"}),
    "rejected": REJECTED,
    "limited": ("command.rejected", {"code": "rate_limited", "message": "Later.", "errors": {}, "retry_at": "T"}),
    "similar": ("ticket.similar", {"candidates": [{"number": "10000007"}, {"number": "10000009"}]}),
    "lost": None,
    "unroutable": ("returned", {}),
    "full": ("refused", {}),
}


def test_every_row_that_was_not_filed_is_written_down_with_its_line_and_why(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    path = tmp_path / "a.csv"
    rows = [*BECOMES, "bad"]
    text = "".join(f"{row};{row} is;{'general' if row in BECOMES else 'nonsense'}\r\n" for row in rows)
    path.write_bytes(("subject;text;category\r\n" + text).encode("utf-8-sig"))
    complete, _, said = fed(path, catalogue, BECOMES.__getitem__)
    assert not complete
    refused = tmp_path / "a.refused.csv"
    assert refused.read_bytes().startswith(b"\xef\xbb\xbf")
    with refused.open(encoding="utf-8-sig", newline="") as lines:
        found = {row["subject"]: row for row in csv.DictReader(lines, delimiter=";")}
    assert set(found) == {"rejected", "limited", "similar", "lost", "unroutable", "full", "bad"}
    assert {name: int(row["refused_line"]) for name, row in found.items()} == {
        name: rows.index(name) + 2 for name in found
    }
    assert {name: row["refused_attempt"] for name, row in found.items() if row["refused_attempt"] != "1"} == {
        "rejected": "2", "limited": "2", "similar": "2",
    }  # fmt: skip
    assert found["rejected"]["refused_reason"] == "invalid: Please correct. subject: No."
    assert found["limited"]["refused_reason"] == "rate_limited: Later. (from T on)"
    assert "10000007, 10000009" in found["similar"]["refused_reason"]
    assert found["lost"]["refused_reason"].startswith("no outcome")
    assert found["bad"]["refused_reason"].startswith("the catalogue has no category 'nonsense'")
    assert "7 rows were refused" in said
    assert "line 4: invalid: Please correct. subject: No." in said
    assert str(refused) in said
    again = opened(refused, catalogue)
    assert (again.count, again.refusable, again.remarks) == (6, 1, [])


def test_what_was_lost_is_the_same_command_when_fed_again_and_what_was_rejected_another(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("subject,text,category\nlost,x,general\nrejected,x,general\n")
    _, first, _ = fed(path, catalogue, BECOMES.__getitem__)
    complete, second, _ = fed(tmp_path / "a.refused.csv", catalogue, lambda _: OPENED)
    assert complete
    assert not (tmp_path / "a.refused.refused.csv").exists()
    sent = {event.data["subject"]: event.id for event in first.sent}
    resent = {event.data["subject"]: event.id for event in second.sent}
    assert resent["lost"] == sent["lost"]
    assert resent["rejected"] != sent["rejected"]
    _, whole, _ = fed(path, catalogue, BECOMES.__getitem__)
    assert {event.id for event in whole.sent} == set(sent.values())


def test_what_somebody_corrects_is_not_written_over(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"subject": "rejected", "body": "x", "category": "general"}\n{"bad\n')
    for _ in range(2):
        fed(path, catalogue, BECOMES.__getitem__)
    names = ["a.jsonl", "a.refused-2.jsonl", "a.refused.jsonl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    lines = [json.loads(line) for line in (tmp_path / "a.refused.jsonl").read_text().splitlines()]
    assert [(line["refused_line"], line["refused_attempt"]) for line in lines] == [(2, "1"), (1, "2")]
    assert lines[0]["was"] == '{"bad'
    assert lines[1]["subject"] == "rejected"


def test_nothing_refused_leaves_no_file(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,category\nOne,general\n")
    complete, _, said = fed(path, catalogue, lambda _: OPENED)
    assert complete
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert "refused" not in said


def test_a_folder_that_may_not_be_written_is_no_trouble(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "touch", lambda path: exec("raise PermissionError()") if path.parent != Path() else None)
    monkeypatch.setattr(Path, "unlink", lambda path: None)
    (tmp_path / "b").mkdir()
    path = tmp_path / "b" / "a.csv"
    path.write_text("text,category\nOne,nonsense\n")
    _, _, said = fed(path, catalogue, lambda _: OPENED)
    assert (tmp_path / "a.refused.csv").exists()
    assert "They are in a.refused.csv" in said


def test_a_desk_that_answers_nothing_is_sent_no_more_than_is_kept_in_memory(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "MOST_UNANSWERED", 10)
    path = tmp_path / "a.csv"
    path.write_text("text,category\n" + "".join(f"Row {n},general\n" for n in range(100)))
    complete, desk, said = fed(path, catalogue, lambda _: None)
    assert not complete
    assert len(desk.sent) == 10
    assert "10 got no outcome" in said
    assert "answered nothing for 0 s: 90 were not sent" in said


def test_what_was_fed_before_is_told_apart(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fake desk's outcomes are of January 2026."""
    path = tmp_path / "a.csv"
    path.write_text("text,category\nOne,general\n")
    _, _, said = fed(path, catalogue, lambda _: OPENED)
    assert "1 of them had been fed before" in said


@pytest.mark.parametrize(
    ("ends", "sentence"), [(KeyboardInterrupt(), "Interrupted"), (RuntimeError(), "An error ended the run")]
)
def test_interrupted_it_says_what_was_not_sent_and_writes_down_what_was_not_answered(
    tmp_path: Path,
    catalogue: Catalogue,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ends: BaseException,
    sentence: str,
) -> None:
    monkeypatch.setattr(feeding, "AT_ONCE", 1)
    path = tmp_path / "a.csv"
    path.write_text("subject,text,category\nfiled,x,general\nlost,x,general\nstop,x,general\nnever,x,general\n")

    def answers(subject: str) -> Outcome:
        if subject == "stop":
            raise ends
        return BECOMES[subject]

    with pytest.raises(type(ends)):
        fed(path, catalogue, answers)
    assert f"{sentence}: 1 was not sent." in capsys.readouterr().out
    lines = (tmp_path / "a.refused.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["lost", "stop"]


def test_a_disk_that_is_full_is_one_sentence(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,category\nOne,nonsense\n")
    file = opened(path, catalogue)
    refusals = Refusals(file.rows, Path("/dev/full"))
    refusals.add(next(iter(file)).row, "why", "1")
    with pytest.raises(Trouble, match="/dev/full: No space left on device; the refused rows cannot be written"):
        refusals.close()
