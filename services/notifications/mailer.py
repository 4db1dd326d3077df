"""Sends mails by SMTP: writes them, connects as the settings say, and reads what the server answers.

lines.py bounds the batch and its time; domain/attempts.py decides whether to try again. See docs/notifications.md.
"""

from __future__ import annotations

import logging
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import field
from datetime import datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as CRLF_LINES
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from contracts.values import dataclass
from services.chassis.handshake import bounded
from services.chassis.tls import AUTHORITIES, trusting
from services.notifications.domain.state import Outcome
from services.notifications.lines import BATCH_TIME, NoConnection, send_all

log = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds that one step of the dialogue may take; taking the text, which a server may scan first, may take twice as
long. A server that has taken a mail and is given up before it says so gets the mail again."""

StartTls = Literal["required", "when-offered"]
AWAY = (smtplib.SMTPException, OSError)


@dataclass(frozen=True, slots=True)
class Server:
    """Where mails are handed in. `starttls` None: the connection is TLS from its first byte."""

    host: str
    port: int
    starttls: StartTls | None
    user: str = ""
    password: str = field(default="", repr=False)
    authorities: str | None = None
    """A PEM file: whose certificates to trust; None: those of the system's authorities."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one address. The same `id` gives the same Message-ID on every attempt."""

    id: str
    to: str
    number: str
    """Of the ticket, if the mail is about one: it stands in the subject, and mail programs group by it."""
    title: str
    text: str
    written_at: datetime
    answers: bool = False
    """Whether the desk sends it by itself, in answer to what its reader wrote."""


def read_server(url: str) -> Server:
    """The server that a URL names: `smtp://host[:port][?starttls=required|when-offered]`, `smtps://host[:port]`, with
    `user:password@` if it needs them. Raises ValueError, saying what is wrong."""
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:  # not an IPv6 address, a port or the name of a machine
        raise ValueError("a URL smtp://host:port or smtps://host:port") from error
    options = parse_qs(parts.query, keep_blank_values=True)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("a URL smtp://host:port or smtps://host:port")
    authorities = options.pop(AUTHORITIES, [None])[-1]
    if parts.path.strip("/") or set(options) - {"starttls"} or (parts.scheme == "smtps" and options):
        raise ValueError(f"a URL with no more behind the port than ?starttls= (for smtp:// only) and {AUTHORITIES}=")
    starttls = options.get("starttls", ["when-offered"])[-1]
    if starttls not in ("required", "when-offered"):
        raise ValueError("a URL whose starttls is required or when-offered")
    if authorities is not None:
        if parts.scheme == "smtp" and starttls != "required":
            raise ValueError(f"a URL with starttls=required (or smtps://) where it has {AUTHORITIES}")
        try:
            trusting(authorities)
        except ValueError as error:
            raise ValueError(f"a URL whose {AUTHORITIES} is a file of PEM certificates") from error
    if parts.scheme == "smtp" and parts.username and starttls != "required":
        raise ValueError("a URL with starttls=required (or smtps://) where it holds a password")
    port = port or (465 if parts.scheme == "smtps" else 587 if parts.username else 25)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isascii():
        raise ValueError("a URL whose user and password are ASCII, as no other can be handed to a mail server")
    if parts.scheme == "smtps":
        return Server(parts.hostname, port, None, user, password, authorities)
    required: StartTls = "required" if starttls == "required" else "when-offered"
    return Server(parts.hostname, port, required, user, password, authorities)


def read_sender(text: str) -> Address:
    """The sender, as `Name <local@domain>` or `local@domain`. Raises ValueError."""
    name, address = parseaddr(text)
    if not is_address(address) or not text.isprintable():
        raise ValueError("an address such as Help desk <desk@example.org>")
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)


is_address = re.compile(r"[^\x00-\x20\x7f@<>,;:\"()\[\]\\]+@[^\x00-\x20\x7f@<>,;:\"()\[\]\\]+").fullmatch

ENCODED = "=?"
"""How an encoded word begins (RFC 2047). The library decodes those that it finds in a text, and line breaks come out of
them: a header, or the body, that somebody else wrote."""


class _AsItIs(str):
    """A subject in which nothing is decoded: all of it is one text, encoded. When the library gets a ready-made header,
    it asks only for its name and its folded form, and changes neither."""

    name = "Subject"

    def fold(self, *, policy: EmailPolicy) -> str:
        """The header as it goes out."""
        text = Header(self, "utf-8", header_name=self.name).encode(linesep=policy.linesep)
        return f"{self.name}: {text}{policy.linesep}"


def write(mail: Mail, sender: Address) -> EmailMessage:
    """The message as it goes out. Raises ValueError for an address, title or text that no mail can hold."""
    if not is_address(mail.to) or ENCODED in mail.to:
        raise ValueError("not a mail address")
    message = EmailMessage(policy=CRLF_LINES)
    subject = mail.title if mail.number in mail.title else f"[{mail.number}] {mail.title}"
    try:
        message["From"] = sender
        message["To"] = mail.to
        message["Subject"] = _AsItIs(subject) if ENCODED in subject and subject.isprintable() else subject
        message["Date"] = format_datetime(mail.written_at)
        message["Message-ID"] = f"<{mail.id}@{sender.domain}>"
        if mail.number:
            message["References"] = f"<ticket.{mail.number}@{sender.domain}>"
        # RFC 3834, and what Exchange looks at instead: no machine answers these.
        message["Auto-Submitted"] = "auto-replied" if mail.answers else "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(mail.text, cte="quoted-printable")
    except (MessageError, IndexError) as error:  # the header parser's ways of saying so
        raise ValueError("cannot be written as a mail") from error
    return message


class _Patient(smtplib.SMTP):
    def __init__(self, made: Callable[[smtplib.SMTP], None], *arguments: Any, **named: Any) -> None:
        """Like smtplib's, which connects and waits for the greeting; `made` gets it before that, so that somebody can
        cut it."""
        made(self)
        super().__init__(*arguments, **named)

    def data(self, msg: bytes | str) -> tuple[int, bytes]:  # type: ignore[override]
        """Like smtplib's, with twice the time."""
        self._wait(2 * self.timeout)
        try:
            return super().data(msg)
        finally:
            self._wait(self.timeout)

    def _wait(self, seconds: float) -> None:
        if self.sock is not None:
            self.sock.settimeout(seconds)


class _PatientTls(_Patient, smtplib.SMTP_SSL):
    """The same over TLS."""


class Mailer:
    """Sends through one server, as one sender."""

    def __init__(
        self,
        server: Server,
        sender: Address,
        *,
        timeout: float = TIMEOUT,
        batch_time: float = BATCH_TIME,
    ) -> None:
        self._server = server
        self._sender = sender
        self._trusted = trusting(server.authorities)
        self._timeout = timeout
        self._batch_time = batch_time
        self._own_name = socket.getfqdn()

    def send(self, mails: Sequence[Mail]) -> dict[str, Outcome]:
        """Try each mail once; the outcome of each by id, in bounded time (`lines.send_all`)."""
        return send_all(mails, lambda: _Connection(self), self._batch_time)

    def connect(self, made: Callable[[smtplib.SMTP], None]) -> smtplib.SMTP:
        """A connection that is ready to take mails; `made` gets it as soon as it begins. Raises one of `AWAY`."""
        server = self._server
        if server.starttls is None:
            connection: smtplib.SMTP = _PatientTls(
                made, server.host, server.port, self._own_name, timeout=self._timeout, context=bounded(self._trusted)
            )
        else:
            connection = _Patient(made, server.host, server.port, self._own_name, self._timeout)
        try:
            connection.ehlo_or_helo_if_needed()
            if server.starttls == "required":
                connection.starttls(context=bounded(self._trusted))
            elif server.starttls == "when-offered" and connection.has_extn("starttls"):
                connection.starttls(context=bounded(_believing_any()))
            if server.user:
                connection.login(server.user, server.password)
        except AWAY:
            connection.close()
            raise
        return connection

    def hand_in(self, connection: smtplib.SMTP, mail: Mail) -> Outcome:
        """One mail over an open connection. Raises one of `AWAY` when the connection can no longer be used."""
        try:
            message = write(mail, self._sender)
        except ValueError as error:
            return Outcome("refused", str(error))
        try:
            connection.send_message(message, self._sender.addr_spec, [mail.to])
        except smtplib.SMTPRecipientsRefused as error:
            ((code, reply),) = error.recipients.values()
            return _answered(code, reply)
        except smtplib.SMTPDataError as error:
            return _answered(error.smtp_code, error.smtp_error)
        except smtplib.SMTPSenderRefused as error:
            # The server refuses the desk and not this mail: an operator can correct that within the day.
            return Outcome("deferred", f"sender refused: {_codes(error.smtp_code, error.smtp_error)}")
        except (smtplib.SMTPNotSupportedError, ValueError):
            return Outcome("refused", "the mail server takes no such address")
        return Outcome("accepted")


class _Connection:
    """One connection to the server, made again when it is lost."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self._connection: smtplib.SMTP | None = None
        self._is_over = False

    def send(self, mail: Mail) -> Outcome:
        """Hand one mail in. Raises `NoConnection`."""
        if self._connection is None:
            try:
                self._connection = self._mailer.connect(self._hold)
            except AWAY as error:
                self._connection = None
                raise NoConnection(_why(error)) from error
            if self._is_over:  # by now the mail counts as put off, and another instance will send it
                self.leave()
                raise NoConnection("timed out")
        try:
            outcome = self._mailer.hand_in(self._connection, mail)
        except AWAY as error:
            outcome = Outcome("deferred", _why(error), away=True)
            self._connection.close()
        if self._connection.sock is None:
            self._connection = None
        return outcome

    def leave(self) -> None:
        """QUIT."""
        if self._connection is not None:
            try:
                self._connection.quit()
            except AWAY as error:
                log.debug("left without a goodbye", extra={"error": _why(error)})
                self._connection.close()

    def _hold(self, connection: smtplib.SMTP) -> None:
        self._connection = connection

    def cut(self) -> None:
        """Cut it, which ends whatever waits on it, also for its greeting; a connection that is still being made is not
        used."""
        self._is_over = True
        if self._connection is not None and self._connection.sock is not None:
            try:
                self._connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                log.debug("already cut", extra={"error": type(error).__name__})


def _believing_any() -> ssl.SSLContext:
    """Encryption without proof of the other side's identity (RFC 7435): better than no encryption."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _answered(code: int, reply: bytes | str) -> Outcome:
    return Outcome("refused" if code >= 500 else "deferred", _codes(code, reply))


def _codes(code: int, reply: bytes | str) -> str:
    """Only the numbers of the reply: its words often repeat the address."""
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    enhanced = re.match(r"\s*(\d\.\d{1,3}\.\d{1,3})\b", text)
    return f"{code} {enhanced[1]}" if enhanced else str(code)


def _why(error: Exception) -> str:
    """Why a connection cannot be used, without anything that the server wrote."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {_codes(error.smtp_code, error.smtp_error)}"
    if isinstance(error, TimeoutError | smtplib.SMTPServerDisconnected):
        return "connection lost or timed out"
    return type(error).__name__
