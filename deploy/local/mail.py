"""The mail sink of a local stack: takes every mail by SMTP and keeps it as a file, so that sent mail can be read.

`python -m deploy.local.mail PORT FOLDER` writes `<Message-ID>.eml`. The same Message-ID again replaces the file, as
mail stores with duplicate suppression do. It sends nothing on. The page is docs/local-stack.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import signal
import sys
from email.parser import BytesHeaderParser
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.folder import write_atomically

_UNSAFE = re.compile(r"[^A-Za-z0-9@._+=-]")


def file_name(message_id: str) -> str:
    """The name of the file for a mail with this Message-ID: readable, and as distinct as the ids are."""
    bare = message_id.strip().removeprefix("<").removesuffix(">")
    safe = _UNSAFE.sub("_", bare).lstrip(".")[:150]
    if safe != bare or not safe:
        safe += "-" + hashlib.sha256(bare.encode()).hexdigest()[:16]
    return f"{safe}.eml"


class Sink:
    """Keeps what comes in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002
        """Called by aiosmtpd with each whole mail."""
        content = envelope.content
        if not isinstance(content, bytes):
            raise TypeError("aiosmtpd gives bytes unless it is told to decode")
        message_id = BytesHeaderParser().parsebytes(content)["Message-ID"] or hashlib.sha256(content).hexdigest()
        recipients = ", ".join(envelope.rcpt_tos)
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {recipients}\r\n".encode()
        write_atomically(self._folder / file_name(str(message_id)), head + content)
        return "250 kept"


async def serve(port: int, folder: Path) -> None:
    """Take mail on `port` of 127.0.0.1 until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    sink = Sink(folder)
    server = await loop.create_server(lambda: SMTP(sink, hostname="localhost", enable_SMTPUTF8=True), "127.0.0.1", port)
    async with server:
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
