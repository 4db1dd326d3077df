"""Every trouble is one sentence on stderr and an exit code."""

import sys
from pathlib import Path

import pytest

from deploy.cli.main import run


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASEBUS_AMQP_CHANNEL_WEB", "amqp://web:x@127.0.0.1:1/casebus")
    monkeypatch.setenv("CASEBUS_DB_PREFIX", "casebus")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["ticket", "twelve"], 2, "'twelve' is no ticket number: 8 digits are wanted."),
        (["ticket", "123456789"], 2, "is no ticket number"),
        (["feed", "none.csv"], 2, "none.csv: No such file or directory."),
        (["feed", "good.jsonl", "--channel", "intake"], 2, "intake is no name of a channel."),
        (["feed", "good.jsonl"], 1, "No broker answers at 127.0.0.1:1: is the desk running? (`make up`)"),
        (["feed", "good.jsonl", "--channel", "game"], 1, "CASEBUS_AMQP_CHANNEL_GAME is not set"),
        (["watch"], 1, "CASEBUS_AMQP_ADMIN is not set"),
        (["agents"], 1, "CASEBUS_MONGO is not set"),
        (["doctor"], 1, "CASEBUS_AMQP_ADMIN is not set"),
        (["dead", "list"], 1, "CASEBUS_AMQP_OPERATOR is not set"),
        (["dead", "list", "--older", "1w"], 2, "'1w' is no age: 90s, 15m, 36h or 7d are."),
        (["dead", "list", "--newer", "9999999d"], 2, "'9999999d' is no age: 90s, 15m, 36h or 7d are."),
        (["dead", "replay"], 2, "Say which: ids, conditions, or --all."),
        (["dead", "drop", "--all", "some-id"], 2, "Either ids and conditions, or --all."),
        (["tickets", "--status", "lost"], 2, "lost"),
        (["tickets", "--page", "9" * 20], 2, "--page"),
    ],
)
def test_one_sentence_and_a_code(
    arguments: list[str], code: int, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("good.jsonl").write_text('{"subject": "x"}\n', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["casebus", *arguments])
    with pytest.raises(SystemExit) as ended:
        run()
    said = capsys.readouterr().err
    assert ended.value.code == code
    assert sentence in said
    assert "Traceback" not in said
