"""A mail catcher: accepts every mail by SMTP, stores it as a file, and shows all of them on a web page.

`python -m deploy.mail PORT FOLDER` writes `<Message-ID>.eml`. A second mail with the same Message-ID replaces the file,
as in mail stores with duplicate suppression; the header `X-Arrivals` counts them. It forwards nothing. Its pages are
docs/local-stack.md and docs/deployment.md.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import html
import re
import signal
import sys
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from email.policy import default as mail_policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.files import write_atomically

SHOWN = 200
"""How many mails the page lists, newest first."""

ARRIVALS = "X-Arrivals"
"""The header that says how often a mail came, for whoever checks whether it was sent twice."""

_UNSAFE = re.compile(r"[^A-Za-z0-9@._+=-]")


def file_name(message_id: str) -> str:
    """The name of the file for a mail with this Message-ID: readable, and as unique as the id."""
    bare = message_id.strip().removeprefix("<").removesuffix(">")
    safe = _UNSAFE.sub("_", bare).lstrip(".")[:150]
    if safe != bare or not safe:
        safe += "-" + hashlib.sha256(bare.encode()).hexdigest()[:16]
    return f"{safe}.eml"


class Sink:
    """Stores each mail in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002
        """aiosmtpd calls this with each whole mail."""
        content = envelope.content
        if not isinstance(content, bytes):
            raise TypeError("aiosmtpd gives bytes unless it is told to decode")
        message_id = BytesHeaderParser().parsebytes(content)["Message-ID"] or hashlib.sha256(content).hexdigest()
        recipients = ", ".join(envelope.rcpt_tos)
        file = self._folder / file_name(str(message_id))
        arrivals = 1 + (_arrivals(file) if file.is_file() else 0)
        head = f"{ARRIVALS}: {arrivals}\r\nX-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {recipients}\r\n"
        write_atomically(file, head.encode() + content)
        return "250 kept"


class Page(BaseHTTPRequestHandler):
    """`/`: the mails in `folder`, newest first. `/<file>`: the text of one. The page shows all of a mail as text."""

    folder: Path

    def do_GET(self) -> None:
        """Answer a browser."""
        name = unquote(self.path.removeprefix("/"))
        if not name:
            self._answer("text/html", "".join(_list(self.folder)))
        elif name.endswith(".eml") and "/" not in name and (self.folder / name).is_file():
            mail = _read(self.folder / name)
            body = mail.get_body(("plain", "html"))
            heads = "".join(f"{head}: {mail[head]}\n" for head in ("From", "To", "Subject", "Date", "Message-ID"))
            self._answer("text/plain", f"{heads}\n{body.get_content() if body else ''}")
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the names of mails are in the paths."""

    def _answer(self, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def page_of(folder: Path) -> type[Page]:
    """The page of this folder, as a handler for the standard library's HTTP server."""
    return type("PageOfFolder", (Page,), {"folder": folder})


def _list(folder: Path) -> Iterator[str]:
    kept = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)
    yield "<!doctype html><title>Mail of the desk</title>"
    yield "<style>body{font:15px sans-serif;margin:2em}td{padding:.3em 1em}</style>"
    yield f"<h1>{len(kept)} mails</h1><table>"
    for file in kept[:SHOWN]:
        mail = _read(file)
        date, to, subject = (html.escape(str(mail[head] or "")) for head in ("Date", "To", "Subject"))
        yield f'<tr><td>{date}<td>{to}<td><a href="/{quote(file.name)}">{subject or "(no subject)"}</a>'
    yield "</table>"


def _arrivals(file: Path) -> int:
    """How often a stored mail has come; at least once, if an older catcher stored it without the header."""
    return int(BytesHeaderParser().parsebytes(file.read_bytes())[ARRIVALS] or 1)


def _read(file: Path) -> EmailMessage:
    return BytesParser(EmailMessage, policy=mail_policy).parsebytes(file.read_bytes())


async def serve(host: str, port: int, folder: Path) -> None:
    """Accept mail on `port` of `host` until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    sink = Sink(folder)
    server = await loop.create_server(lambda: SMTP(sink, hostname="localhost", enable_SMTPUTF8=True), host, port)
    async with server:
        await stop.wait()


def main(arguments: list[str]) -> None:
    """Run the mail catcher."""
    parser = argparse.ArgumentParser(prog="python -m deploy.mail", description="Store all mail, and forward none.")
    parser.add_argument("port", type=int, help="of SMTP")
    parser.add_argument("folder", type=Path, help="where to store the mails")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--page", type=int, metavar="PORT", help="also show the mails on a web page at this port")
    chosen = parser.parse_args(arguments)
    if chosen.page is not None:
        page = ThreadingHTTPServer((chosen.host, chosen.page), page_of(chosen.folder))
        threading.Thread(target=page.serve_forever, daemon=True).start()
    asyncio.run(serve(chosen.host, chosen.port, chosen.folder))


if __name__ == "__main__":
    main(sys.argv[1:])
