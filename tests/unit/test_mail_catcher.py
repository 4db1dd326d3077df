"""The mail catcher's page: what it lists, that a mail's words stay words, and that it shows nothing but mails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email.message import EmailMessage
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.mail import page_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, subject in enumerate(("Your case", "<script>alert(1)</script>")):
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "desk@casebus.example", "ann@player.example", subject
        mail.set_content(f"<b>text {number}</b>")
        (tmp_path / "mail").mkdir(exist_ok=True)
        (tmp_path / "mail" / f"{number}@casebus.example.eml").write_bytes(mail.as_bytes())
    (tmp_path / "secret.eml").write_text("Subject: not of the folder\n\n")
    return tmp_path / "mail"


@pytest.fixture
def page(folder: Path) -> Iterator[HTTPConnection]:
    with ThreadingHTTPServer(("127.0.0.1", 0), page_of(folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        yield connection
        connection.close()
        server.shutdown()


def get(page: HTTPConnection, path: str) -> tuple[int, str, str]:
    page.request("GET", path)
    answer = page.getresponse()
    return answer.status, answer.headers["Content-Type"], answer.read().decode()


def test_it_lists_the_mails_and_shows_one_as_text(page: HTTPConnection) -> None:
    status, kind, text = get(page, "/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert "<h1>2 mails</h1>" in text
    assert "<script>" not in text
    status, kind, text = get(page, "/1%40casebus.example.eml")
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    assert "To: ann@player.example\n" in text
    assert "<b>text 1</b>" in text


@pytest.mark.parametrize("path", ["/none.eml", "/../secret.eml", "/..%2Fsecret.eml", "/mail", "/."])
def test_there_is_nothing_else(page: HTTPConnection, path: str) -> None:
    assert get(page, path)[0] == 404
