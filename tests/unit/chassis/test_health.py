"""What the health port answers, and that it holds up nobody: on plain threads, and on green ones as in a service."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys

import pytest

from services.chassis import health, telemetry
from services.chassis.health import Health
from services.chassis.settings import WrongSettings


def asked(health: Health, path: str) -> tuple[int, str, str]:
    """Status, type and body; the server says nothing about what it runs on."""
    connection = http.client.HTTPConnection("127.0.0.1", health.port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert "Python" not in answer.headers["Server"]
    return answer.status, answer.headers["Content-Type"], answer.read().decode()


def test_what_is_answered() -> None:
    health = Health("127.0.0.1", 0)
    found = ["not consuming", "database away"]
    health.serve(lambda: found)
    assert asked(health, "/healthz") == (200, "text/plain", "ok\n")
    assert asked(health, "/readyz?now") == (503, "text/plain", "not consuming; database away\n")
    found.clear()
    assert asked(health, "/readyz") == (200, "text/plain", "ok\n")
    status, kind, body = asked(health, "/metrics")
    assert (status, kind.split(";")[0]) == (200, "text/plain")
    assert f"{telemetry.TURN_SIZE._name}_count" in body
    assert asked(health, "/")[0] == 404
    health.shutdown()
    health.server_close()


def test_a_port_that_is_taken_is_a_wrong_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WrongSettings, match=f"CASEBUS_HEALTH_PORT: cannot listen on 127.0.0.1:{port}"):
            Health("127.0.0.1", port)


GREEN = """
import services.chassis.run
import http.client, socket
from services.chassis.health import Health, _Answers

_Answers.timeout = None  # whoever connects and asks nothing is waited for without end
health = Health("127.0.0.1", 0)
health.serve(list)
silent = socket.create_connection(("127.0.0.1", health.port))
connection = http.client.HTTPConnection("127.0.0.1", health.port)
connection.request("GET", "/readyz")
print(connection.getresponse().status)
"""


def test_in_a_service_it_holds_up_no_other_thread() -> None:
    command = [sys.executable, "-W", "ignore", "-c", GREEN]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "200\n"


@pytest.mark.parametrize(
    ("error", "logged"), [(BrokenPipeError(), 0), (ConnectionResetError(), 0), (TimeoutError(), 0), (ValueError(), 1)]
)
def test_who_goes_away_before_the_answer_is_no_error(
    error: Exception, logged: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    monkeypatch.setattr(health.log, "exception", lambda text, **_: said.append(text))
    with Health("127.0.0.1", 0) as server:
        try:
            raise error
        except type(error):
            server.handle_error(None, ("127.0.0.1", 1))
    assert len(said) == logged
    assert capsys.readouterr().err == "", "socketserver writes a traceback there"
