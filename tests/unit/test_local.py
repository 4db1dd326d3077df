"""The local stack's small decisions: what SCALE says, what a mail's file is called, whose a pid is."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.__main__ import parse_scale, status
from deploy.local.desk import Desk, problem_at
from deploy.local.folder import Folder, is_free
from deploy.local.processes import Processes
from deploy.local.stack import Stack
from deploy.mail import file_name
from deploy.trouble import Trouble
from services.chassis.health import Health
from tests.waiting import wait


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        ("intake=2 routing=3", {"intake": 2, "routing": 3}),
        ("intake=2,sla=0", {"intake": 2, "sla": 0}),
        ("  sla=1  ", {"sla": 1}),
    ],
)
def test_scale_is_read(text: str, wanted: dict[str, int]) -> None:
    assert parse_scale(text) == wanted


@pytest.mark.parametrize("text", ["intake", "intake=", "intake=x", "intake=-1", "intake=33", "web=1", "intake=²"])
def test_a_wrong_scale_is_named(text: str) -> None:
    with pytest.raises(Trouble, match="SCALE has"):
        parse_scale(text)


def test_a_mails_file_is_called_by_its_id() -> None:
    assert file_name("<receipt.7f@casebus.example>") == "receipt.7f@casebus.example.eml"


@given(st.text(), st.text())
def test_mails_with_different_ids_have_different_files(first: str, other: str) -> None:
    names = {file_name(first), file_name(other)}
    same = first.strip().removeprefix("<").removesuffix(">") == other.strip().removeprefix("<").removesuffix(">")
    assert len(names) == (1 if same else 2)
    for name in names:
        assert "/" not in name
        assert not name.startswith(".")
        assert len(name.encode()) < 255


def test_what_was_started_here_is_found_whatever_its_environment_says(tmp_path: Path) -> None:
    """Each exec empties it for an instant, and a server's start script does several."""
    processes = Processes(Folder(tmp_path))
    pid = processes.start("server", ["env", "-i", "sleep", "60"], {})
    try:
        wait(lambda: psutil.Process(pid).name() == "sleep", "the script has become the server", every=0.01)
        assert processes.pid("server") == pid
    finally:
        processes.kill("server")
    assert processes.pid("server") is None


def test_a_recycled_pid_is_not_ours(tmp_path: Path) -> None:
    processes = Processes(Folder(tmp_path))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "intake-1.pid").write_text(str(os.getpid()))
    assert processes.pid("intake-1") is None
    processes.kill("intake-1")


def test_a_process_is_left_alone_until_what_it_was_started_with_changes(tmp_path: Path) -> None:
    processes = Processes(Folder(tmp_path))
    try:
        first = processes.start("sleeper", ["sleep", "60"], {"PORT": "1"})
        assert processes.start("sleeper", ["sleep", "60"], {"PORT": "1"}) == first
        assert processes.start("sleeper", ["sleep", "60"], {"PORT": "2"}) != first
        assert list(processes.running()) == ["sleeper"]
        assert Processes(Folder(tmp_path / "other")).running() == {}
    finally:
        processes.kill_leftovers()
    assert processes.running() == {}


def test_who_does_not_end_in_time_is_killed_and_named(tmp_path: Path) -> None:
    processes = Processes(Folder(tmp_path))
    processes.start("deaf", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 60; done"], {})
    while "ready" not in processes.log("deaf").read_text():
        pass
    processes.start("good", ["sleep", "60"], {})
    assert processes.stop("good", "deaf", "absent", patience=0.2) == ["deaf"]
    assert processes.running() == {}
    processes.kill_leftovers()


def test_secrets_and_ports_are_made_once_and_kept_close(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "root")
    secret, port = folder.secret("key"), folder.port("amqp")
    assert len(secret) >= 32
    assert is_free(port)
    again = Folder(tmp_path / "root")
    assert (again.secret("key"), again.port("amqp")) == (secret, port)
    assert stat.S_IMODE(folder.secret_file("key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.sub("secrets").stat().st_mode) == 0o700


def test_status_names_what_was_asked_for_and_has_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = Stack(tmp_path)
    assert not status(stack)
    assert "nothing runs" in capsys.readouterr().out
    (tmp_path / "scale.json").write_text('{"intake": 2, "routing": 0, "gone": 1}')
    for name in ("rabbitmq", "epmd", "mongod", "mail", "intake-1"):
        stack.processes.start(name, ["sleep", "60"], {})
    try:
        assert not status(stack)
        said = capsys.readouterr().out
        assert [line.split()[0] for line in said.splitlines() if "has ended" in line] == ["intake-2"]
        stack.processes.start("intake-2", ["sleep", "60"], {})
        assert status(stack)
        assert "ended" not in capsys.readouterr().out
    finally:
        stack.processes.kill_leftovers()


def test_what_nobody_reads_on_is_done_all_the_same() -> None:
    """As `make down | head -1`."""
    program = (
        "from deploy.local.__main__ import say\nfor line in range(3):\n    say('line')\nopen(3, 'w').write('done')"
    )
    reading, writing = os.pipe()
    result, ended = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", program.replace("open(3", f"open({ended}")]
    tried = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, pass_fds=[ended], check=False)
    os.close(writing)
    os.close(ended)
    with open(result) as said:
        assert (tried.returncode, tried.stderr, said.read()) == (0, "", "done")


class Starting:
    """Stands for the processes of the stack: the one that starts runs on."""

    def pid(self, _: str) -> int:
        return 1

    def failure(self, _: str, what: str) -> Trouble:
        return Trouble(what)


def starting(patience: float) -> Desk:
    nothing: Any = None
    desk = Desk("d", "", nothing, cast(Processes, Starting()), nothing, nothing)
    desk.patience = patience
    return desk


def test_a_service_that_says_how_far_it_is_has_the_time_that_it_needs() -> None:
    said = iter([*(f"{number} texts so far" for number in range(12)), None])
    starting(patience=0.3)._wait("knowledge-1", "knowledge 1", lambda: next(said))
    assert next(said, "all was heard") == "all was heard"


def test_a_service_that_gets_no_further_is_given_up_with_what_it_waits_for() -> None:
    with pytest.raises(Trouble, match=r"^sla 1 is not ready: not consuming\. It has said nothing new for 0 seconds\.$"):
        starting(patience=0.1)._wait("sla-1", "sla 1", lambda: "not consuming")


def test_a_service_that_says_the_same_again_and_again_is_given_up() -> None:
    said = iter([*["not consuming", "database away"] * 50, None])
    with pytest.raises(Trouble, match=r"^sla 1 is not ready: "):
        starting(patience=0.2)._wait("sla-1", "sla 1", lambda: next(said))


def test_a_service_that_dies_while_it_answers_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as thread:

        def half() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1_000)
                connection.sendall(b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 14\r\n\r\nnot")

        answering = thread.submit(half)
        assert problem_at(server.getsockname()[1]) == "it does not answer"
        answering.result()


def test_why_a_service_is_not_ready_is_what_it_says() -> None:
    problems = ["not consuming", "the index is not whole yet (3 texts so far)"]
    with Health("127.0.0.1", 0) as health:
        health.serve(lambda: problems)
        assert problem_at(health.port) == "; ".join(problems)
        problems.clear()
        assert problem_at(health.port) is None
        health.shutdown()
        port = health.port
    assert problem_at(port) == "it does not answer"
