"""Every trouble is one sentence on stderr and an exit code."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from typer.core import TyperGroup

from deploy.cli import show
from deploy.cli.main import run


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASEBUS_AMQP_CHANNEL_WEB", "amqp://web:x@127.0.0.1:1/casebus")
    monkeypatch.setenv("CASEBUS_DB_PREFIX", "casebus")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["ticket", "twelve"], 2, "'twelve' is not a ticket number: it has 8 digits."),
        (["ticket", "123456789"], 2, "is not a ticket number"),
        (["feed", "none.csv"], 2, "none.csv: No such file or directory."),
        (["feed", "good.jsonl", "--map", "subject=Summary"], 2, "good.jsonl: no column named Summary"),
        (
            ["feed", "good.jsonl", "--refused", "good.jsonl"],
            2,
            "--refused good.jsonl: that is the file that you are feeding.",
        ),
        (["feed", "good.jsonl", "--channel", "intake"], 2, "intake is not the name of a channel."),
        (["feed", "good.jsonl"], 1, "No broker answers at 127.0.0.1:1: is the desk running? (`make up`)"),
        (["feed", "good.jsonl", "--channel", "game"], 1, "CASEBUS_AMQP_CHANNEL_GAME is not set"),
        (["watch"], 1, "CASEBUS_AMQP_ADMIN is not set"),
        (["agents"], 1, "CASEBUS_MONGO is not set"),
        (["doctor"], 1, "CASEBUS_AMQP_ADMIN is not set"),
        (["dead", "list"], 1, "CASEBUS_AMQP_OPERATOR is not set"),
        (["dead", "list", "--older", "1w"], 2, "'1w' is not an age. Examples: 90s, 15m, 36h, 7d."),
        (["dead", "list", "--newer", "9999999d"], 2, "'9999999d' is not an age. Examples: 90s, 15m, 36h, 7d."),
        (["dead", "replay"], 2, "Say which ones: give ids, conditions, or --all."),
        (["dead", "drop", "--all", "some-id"], 2, "Give ids and conditions, or --all, but not both."),
        (["tickets", "--status", "lost"], 2, "lost"),
        (["tickets", "--page", "9" * 20], 2, "--page"),
    ],
)
def test_one_sentence_and_a_code(
    arguments: list[str], code: int, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("good.jsonl").write_text('{"text": "x", "category": "safety"}\n', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["casebus", *arguments])
    with pytest.raises(SystemExit) as ended:
        run()
    said = capsys.readouterr().err
    assert ended.value.code == code
    assert sentence in said
    assert "Traceback" not in said


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1250"])
def test_what_a_terminal_has_no_sign_for_is_printed_readably(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever any command prints: in one place for all."""
    printed = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(printed, encoding=encoding, write_through=True))
    show.console().print("“Größe” – 日本 → \ud83d…", markup=False)
    print("é…")
    said = printed.getvalue().decode(encoding)
    assert said.replace("Größe", "Grosse").replace("é", "e").replace("…", "...") in (
        '"Grosse" - ?? -> ?...\ne...\n',
        "“Grosse” – ?? -> ?...\ne...\n",
    )


@contextmanager
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An output whose reader has gone (`| head`)."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        yield


def test_a_command_whose_reader_has_gone_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not show.output_is_closed()
    with nobody_reads(monkeypatch):
        assert show.output_is_closed()
        with pytest.raises(SystemExit) as ended:
            show.console().print("x")
    assert ended.value.code == 141


def test_so_does_one_that_prints_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TyperGroup, "invoke", lambda *_: print("x", flush=True))
    monkeypatch.setattr(sys, "argv", ["casebus", "agents"])
    with nobody_reads(monkeypatch), pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 141


def test_a_broken_pipe_to_the_broker_is_no_closed_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(*_: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(TyperGroup, "invoke", breaks)
    monkeypatch.setattr(sys, "argv", ["casebus", "agents"])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 1
    assert "The connection to the broker was lost" in capsys.readouterr().err
