"""A scanner is asked by ClamAV's protocol, here by a small server that speaks it."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.intake.files.scanner import Scanner, ScannerAway, WrongScanner

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
LARGEST = 1_000_000


class Clamd(socketserver.BaseRequestHandler):
    """`INSTREAM` as clamd does it: pieces with their length before them, an empty one at the end."""

    request: socket.socket

    def handle(self) -> None:
        file = self.request.makefile("rb")
        assert file.read(10) == b"zINSTREAM\0"
        content = b""
        while size := int.from_bytes(file.read(4), "big"):
            content += file.read(size)
            if len(content) > LARGEST:
                self.request.sendall(b"INSTREAM size limit exceeded. ERROR\0")
                return
        if b"hang up" in content:
            return
        answer = b"stream: Win.Test.EICAR_HDB-1 FOUND\0" if EICAR in content else b"stream: OK\0"
        self.request.sendall(answer)


@pytest.fixture
def clamd() -> Iterator[Scanner]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Clamd) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield Scanner.at(f"tcp://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([b"a picture"], None),
        ([], None),
        ([b"", b"a", b"", b"b" * 300_000], None),
        ([b"before ", EICAR], "Win.Test.EICAR_HDB-1"),
        ([EICAR[:20], EICAR[20:]], "Win.Test.EICAR_HDB-1"),
    ],
)
def test_says_what_is_wrong_with_a_file(clamd: Scanner, content: list[bytes], found: str | None) -> None:
    assert clamd.finds(content) == found


@pytest.mark.parametrize(
    ("content", "said"), [(b"hang up", "ConnectionResetError"), (b"x" * (LARGEST + 1), "size limit|Error")]
)
def test_no_verdict_is_not_taken_for_clean(clamd: Scanner, content: bytes, said: str) -> None:
    with pytest.raises(ScannerAway, match=said):
        clamd.finds([content])


def test_a_scanner_that_is_not_there_is_away(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for url in (f"tcp://127.0.0.1:{port}", f"unix://{tmp_path}/clamd.sock"):
        with pytest.raises(ScannerAway):
            Scanner.at(url).finds([b"a"])


def test_a_scanner_may_listen_on_a_socket_of_the_machine(tmp_path: Path) -> None:
    path = str(tmp_path / "clamd.sock")
    with socketserver.ThreadingUnixStreamServer(path, Clamd) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        assert Scanner.at(f"unix://{path}").finds([EICAR]) is not None
        server.shutdown()


@pytest.mark.parametrize(
    "url",
    ["", "clamd", "tcp://host", "tcp://:3310", "tcp://host:x", "unix://x", "http://h:1", "tcp://h:1/x", "tls://h"],
)
def test_a_setting_that_names_no_scanner_is_refused(url: str) -> None:
    with pytest.raises(WrongScanner, match=r"expected tcp://host:port, tls://host:port or unix:///path"):
        Scanner.at(url)
