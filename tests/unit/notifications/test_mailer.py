"""The mailer against a real SMTP server: taken, refused, put off, slow, cut; encrypted as the URL wants it."""

from __future__ import annotations

import asyncio
import operator
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.state import Outcome
from services.notifications.lines import LINES
from services.notifications.mailer import Mail, Mailer, Server, read_sender, read_server, write
from tests.unit.notifications.builders import NOW
from tests.unit.notifications.dripping import dripping_server
from tests.waiting import wait

SENDER = Address("Help desk", "desk", "help.example.org")
ACCEPTED = Outcome("accepted")


class Recipients:
    """A server's side: the name of the recipient says what becomes of a mail."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, EmailMessage]] = []
        self.encrypted: list[bool] = []
        self.peers: set[Any] = set()
        self.seen: set[str] = set()

    async def handle_RCPT(self, _server: Any, session: Any, envelope: Any, address: str, _options: list[str]) -> str:
        self.peers.add(session.peer)
        name = address.split("@")[0]
        if name.startswith("refused"):
            return f"550 5.1.1 <{address}> is nobody here"
        if name.startswith("later"):
            return "451 4.7.1 Try again later"
        if name.startswith("grey") and address not in self.seen:
            self.seen.add(address)
            return "451 4.7.1 Greylisted, come back"
        if name.startswith("busy"):
            return "421 4.3.2 Closing now"
        if name.startswith("slow"):
            await asyncio.sleep(30)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        name = envelope.rcpt_tos[0].split("@")[0]
        if name.startswith("cut"):
            server.transport.abort()
            return "250 never heard"
        if name.startswith("thorough"):  # scans it first
            await asyncio.sleep(0.6)
        if name.startswith("spam"):
            return "554 5.7.1 We do not like its words"
        self.taken.append((envelope.rcpt_tos[0], message_from_bytes(envelope.content, policy=policy.default)))
        self.encrypted.append(session.ssl is not None)
        if name.startswith("unhurried"):  # to say that it has taken the mail
            await asyncio.sleep(0.1)
        return "250 OK"


@contextmanager
def serving(**options: Any) -> Iterator[tuple[Recipients, int]]:
    recipients = Recipients()
    controller = Controller(recipients, hostname="127.0.0.1", port=_free_port(), **options)
    controller.start()
    try:
        yield recipients, controller.port
    finally:
        controller.stop()


@pytest.fixture
def server() -> Iterator[tuple[Recipients, int]]:
    with serving() as both:
        yield both


IMPATIENT = 1.5
"""Seconds of a step, where a test waits for them to pass. Elsewhere a busy machine must not make a test fail."""


def a_mailer(port: int, timeout: float = 20.0, batch_time: float = 15.0, **more: Any) -> Mailer:
    values: dict[str, Any] = {"host": "127.0.0.1", "port": port, "starttls": "when-offered", **more}
    return Mailer(Server(**values), SENDER, timeout=timeout, batch_time=batch_time)


def a_mail(name: str, **more: Any) -> Mail:
    values = {
        "number": "00000042",
        "title": "Your case 00000042 is closed",
        "text": "Good bye.\n.\nA dot above.",
        **more,
    }
    return Mail(f"id-{name}", f"{name}@example.org", written_at=NOW, **values)


# What becomes of a mail


def test_a_mail_arrives_as_it_was_written(server: tuple[Recipients, int]) -> None:
    recipients, port = server
    text = "Grüße, 你好!\n.\n" + "a long line " * 200
    assert a_mailer(port).send([a_mail("ada", text=text)]) == {"id-ada": ACCEPTED}
    ((to, message),) = recipients.taken
    assert to == "ada@example.org"
    assert message.get_content().replace("\r\n", "\n").removesuffix("\n") == text
    assert message.get_content_type() == "text/plain"
    names = ("From", "To", "Subject", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "References")
    assert {name: message[name] for name in names} == {
        "From": "Help desk <desk@help.example.org>",
        "To": "ada@example.org",
        "Subject": "Your case 00000042 is closed",
        "Message-ID": "<id-ada@help.example.org>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "References": "<ticket.00000042@help.example.org>",
    }
    assert message["Date"].datetime == NOW


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("ada", "accepted", ""),
        ("refused", "refused", "550 5.1.1"),
        ("later", "deferred", "451 4.7.1"),
        ("busy", "deferred", "421 4.3.2"),
        ("spam", "refused", "554 5.7.1"),
        ("cut", "deferred", "connection lost or timed out"),
        ("slow", "deferred", "connection lost or timed out"),
    ],
)
def test_outcome_by_what_the_server_answers(
    server: tuple[Recipients, int], name: str, verdict: str, reason: str
) -> None:
    away = name in ("cut", "slow")
    mailer = a_mailer(server[1], timeout=IMPATIENT) if name == "slow" else a_mailer(server[1])
    assert mailer.send([a_mail(name)]) == {f"id-{name}": Outcome(verdict, reason, away)}  # type: ignore[arg-type]


def test_no_reason_repeats_an_address(server: tuple[Recipients, int]) -> None:
    outcomes = a_mailer(server[1]).send([a_mail(name) for name in ("refused", "later", "busy", "spam", "cut")])
    assert not any("@" in outcome.reason or "nobody" in outcome.reason for outcome in outcomes.values())


def test_one_mail_that_fails_or_hangs_delays_no_other(server: tuple[Recipients, int]) -> None:
    recipients, port = server
    troubled = ["slow", "cut", "refused", "busy", "later", "cut2", "spam"]
    well = [f"ada{number}" for number in range(30)]
    names = [*troubled[:3], *well[:10], *troubled[3:], *well[10:]]
    started = time.monotonic()
    outcomes = a_mailer(port, timeout=IMPATIENT).send([a_mail(name) for name in names])
    assert time.monotonic() - started < 5
    assert {id_ for id_, outcome in outcomes.items() if outcome == ACCEPTED} == {f"id-{name}" for name in well}
    assert sorted(to for to, _ in recipients.taken) == sorted(f"{name}@example.org" for name in well)


def test_a_batch_uses_a_few_connections_and_each_for_many_mails(server: tuple[Recipients, int]) -> None:
    recipients, port = server
    outcomes = a_mailer(port).send([a_mail(f"ada{number}") for number in range(100)])
    assert set(outcomes.values()) == {ACCEPTED}
    assert len(outcomes) == len(recipients.taken) == 100
    assert 1 <= len(recipients.peers) <= LINES


def test_nothing_to_send() -> None:
    assert a_mailer(1).send([]) == {}


def test_a_mail_that_is_put_off_is_taken_the_next_time(server: tuple[Recipients, int]) -> None:
    recipients, port = server
    mailer = a_mailer(port)
    first = mailer.send([a_mail("grey"), a_mail("ada")])
    assert (first["id-grey"].verdict, first["id-grey"].away, first["id-ada"]) == ("deferred", False, ACCEPTED)
    assert mailer.send([a_mail("grey")]) == {"id-grey": ACCEPTED}
    assert sorted(to for to, _ in recipients.taken) == ["ada@example.org", "grey@example.org"]


def test_a_mail_about_no_ticket_names_none() -> None:
    mail = write(a_mail("ada", title="Your code", number=""), SENDER)
    assert (mail["Subject"], mail["References"]) == ("Your code", None)


# A bad server


def test_no_server_defers_all_at_once() -> None:
    started = time.monotonic()
    outcomes = a_mailer(_free_port()).send([a_mail(f"ada{number}") for number in range(50)])
    assert set(outcomes.values()) == {Outcome("deferred", "ConnectionRefusedError", away=True)}
    assert len(outcomes) == 50
    assert time.monotonic() - started < 5


def test_a_server_that_never_greets_defers_all_within_one_timeout() -> None:
    with silent_server() as port:
        started = time.monotonic()
        outcomes = a_mailer(port, timeout=0.5).send([a_mail(f"ada{number}") for number in range(50)])
    assert set(outcomes.values()) == {Outcome("deferred", "connection lost or timed out", away=True)}
    assert time.monotonic() - started < 5


def test_a_server_may_take_longer_for_the_text_than_for_any_other_step(server: tuple[Recipients, int]) -> None:
    recipients, port = server
    assert a_mailer(port, timeout=0.4).send([a_mail("thorough")]) == {"id-thorough": ACCEPTED}
    assert len(recipients.taken) == 1


def test_a_slow_server_gets_no_more_than_the_time_of_a_batch(server: tuple[Recipients, int]) -> None:
    recipients, port = server
    mails = [a_mail(f"unhurried{number}") for number in range(400)]
    started = time.monotonic()
    outcomes = a_mailer(port, batch_time=1.5).send(mails)
    assert time.monotonic() - started < 5
    accepted = {id_ for id_, outcome in outcomes.items() if outcome == ACCEPTED}
    assert 0 < len(accepted) < 400
    assert outcomes["id-unhurried399"] == Outcome("deferred", "the server is too slow", away=True)
    # What was on its way at the end of the time is no exception: if it was taken, it counts as taken, and is not sent
    # again.
    assert accepted == {message["Message-ID"][1:].split("@")[0] for _, message in recipients.taken}


def test_a_hanging_dialogue_is_cut_at_the_end_of_the_batch(server: tuple[Recipients, int]) -> None:
    started = time.monotonic()
    outcomes = a_mailer(server[1], timeout=20, batch_time=1.5).send([a_mail("slow"), a_mail("ada")])
    assert time.monotonic() - started < 5
    assert outcomes == {"id-slow": Outcome("deferred", "timed out", away=True), "id-ada": ACCEPTED}


def test_a_greeting_that_never_ends_holds_no_connection_beyond_the_batch() -> None:
    with dripping_server() as (port, held):
        outcomes = a_mailer(port, timeout=1, batch_time=0.6).send([a_mail(f"ada{number}") for number in range(LINES)])
        assert set(outcomes.values()) == {Outcome("deferred", "timed out", away=True)}
        wait(lambda: held, "the end of all connections", operator.not_, patience=5)


class SlowToConnect(Mailer):
    """Its server greets when the batch is over."""

    lines: set[threading.Thread]
    over: threading.Event

    def connect(self, made: Callable[[smtplib.SMTP], None]) -> smtplib.SMTP:
        self.lines.add(threading.current_thread())
        assert self.over.wait(5)
        return super().connect(made)


def test_a_mail_that_counts_as_put_off_is_not_handed_in_afterwards(server: tuple[Recipients, int]) -> None:
    recipients, port = server
    mailer = SlowToConnect(Server("127.0.0.1", port, "when-offered"), SENDER, batch_time=0.1)
    mailer.lines, mailer.over = set(), threading.Event()
    outcomes = mailer.send([a_mail("ada")])
    mailer.over.set()
    assert len(mailer.lines) == 1
    for line in mailer.lines:
        line.join(5)
    assert outcomes == {"id-ada": Outcome("deferred", "timed out", away=True)}
    assert recipients.taken == []


# What cannot be written


@pytest.mark.parametrize("address", ["", "nobody", "a@b@c", "a b@example.org", "a@example.org\r\nBcc: x@example.org"])
def test_what_is_no_address_is_refused_unsent(server: tuple[Recipients, int], address: str) -> None:
    recipients, port = server
    mails = [replace(a_mail("bad"), to=address), a_mail("ada")]
    outcomes = a_mailer(port).send(mails)
    assert (outcomes["id-bad"].verdict, outcomes["id-ada"].verdict) == ("refused", "accepted")
    assert [to for to, _ in recipients.taken] == ["ada@example.org"]


def test_an_address_that_the_server_cannot_take_is_refused() -> None:
    with serving(enable_SMTPUTF8=False) as (_, port):
        outcome = a_mailer(port).send([a_mail("grüße")])["id-grüße"]
    assert outcome == Outcome("refused", "the mail server takes no such address")


def test_a_title_cannot_smuggle_in_a_header(server: tuple[Recipients, int]) -> None:
    recipients, port = server
    outcomes = a_mailer(port).send([a_mail("ada", title="Hello\r\nBcc: eve@example.org")])
    assert outcomes["id-ada"].verdict == "refused"
    assert recipients.taken == []


@pytest.mark.parametrize(
    "title",
    [
        "Case 00000042 is escalated: =?utf-8?q?Hello=0D=0AX-Evil:_1=0D=0A=0D=0AA_text_of_mine?=",
        "=?utf-8?b?" + "DQpYLUV2aWw6IDENCg0K" + "?= 00000042",
        "00000042: what does =?utf-8?q?caf=C3=A9?= mean in my mails?",
        "00000042 " + "=?x?q?=00?= é " * 14,
    ],
)
def test_what_a_title_encodes_is_decoded_by_nobody(server: tuple[Recipients, int], title: str) -> None:
    recipients, port = server
    assert a_mailer(port).send([a_mail("ada", title=title, text="As written.")]) == {"id-ada": ACCEPTED}
    ((_, mail),) = recipients.taken
    assert mail["Subject"] == title
    assert sorted(name.encode() for name in mail if name not in ADDED_BY_THE_SERVER) == sorted(WRITTEN_HEADERS)
    assert mail["X-Evil"] is None
    assert mail.get_content().strip() == "As written."


def test_an_address_that_encodes_another_one_is_refused(server: tuple[Recipients, int]) -> None:
    recipients, port = server
    mail = replace(a_mail("bad"), to="=?utf-8?q?eve=40example.net=2C?=@example.org")
    assert a_mailer(port).send([mail])["id-bad"] == Outcome("refused", "not a mail address")
    assert recipients.taken == []


def test_a_mail_that_answers_says_so() -> None:
    assert write(a_mail("ada", answers=True), SENDER)["Auto-Submitted"] == "auto-replied"


def test_the_subject_always_has_the_number() -> None:
    assert write(a_mail("ada", title="Good news"), SENDER)["Subject"] == "[00000042] Good news"


@given(
    to=st.text(max_size=60) | st.text(max_size=20).map(lambda text: f"{text}@example.org"),
    title=st.text(),
    text=st.text(),
)
def test_writing_succeeds_or_says_why_not(to: str, title: str, text: str) -> None:
    try:
        message = write(Mail("id", to, "00000042", title, text, NOW), SENDER)
    except ValueError:
        return
    raw = message.as_bytes()
    assert raw.count(b"Bcc:") == text.count("Bcc:") + title.count("Bcc:")
    head = raw.split(b"\r\n\r\n")[0]
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert sorted(names) == sorted(WRITTEN_HEADERS)


ADDED_BY_THE_SERVER = ("X-Peer", "X-MailFrom", "X-RcptTo")

WRITTEN_HEADERS = (
    b"From",
    b"To",
    b"Subject",
    b"Date",
    b"Message-ID",
    b"References",
    b"Auto-Submitted",
    b"X-Auto-Response-Suppress",
    b"Content-Type",
    b"Content-Transfer-Encoding",
    b"MIME-Version",
)


# Encryption


@pytest.mark.parametrize(
    ("offered", "wanted", "believed", "name", "verdict", "encrypted"),
    [
        (False, "when-offered", False, "localhost", "accepted", [False]),
        (True, "when-offered", False, "127.0.0.1", "accepted", [True]),  # better than none
        (False, "required", True, "localhost", "deferred", []),
        (True, "required", True, "localhost", "accepted", [True]),
        (True, "required", False, "localhost", "deferred", []),
        (True, "required", True, "127.0.0.1", "deferred", []),  # the certificate is another's
    ],
)
def test_starttls(
    server_side: ssl.SSLContext,
    authorities: str,
    offered: bool,
    wanted: str,
    believed: bool,
    name: str,
    verdict: str,
    encrypted: list[bool],
) -> None:
    with serving(tls_context=server_side if offered else None) as (recipients, port):
        mailer = a_mailer(port, host=name, starttls=wanted, authorities=authorities if believed else None)
        assert mailer.send([a_mail("ada")])["id-ada"].verdict == verdict
    assert recipients.encrypted == encrypted


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_login_over_tls(server_side: ssl.SSLContext, authorities: str, password: str) -> None:
    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"desk", b"right"))

    options = {"authenticator": authenticate, "auth_required": True, "tls_context": server_side}
    with serving(**options) as (recipients, port):
        url = f"smtp://desk:{password}@localhost:{port}?starttls=required&cacertfile={authorities}"
        mailer = Mailer(read_server(url), SENDER, timeout=5)
        outcome = mailer.send([a_mail("ada")])["id-ada"]
    assert outcome.verdict == ("accepted" if password == "right" else "deferred")
    assert len(recipients.taken) == (password == "right")
    assert password not in outcome.reason


def test_smtps(server_side: ssl.SSLContext, authorities: str) -> None:
    class Encrypted(Controller):
        """aiosmtpd's controller tests its start over a plain socket; with `ssl_context` it speaks TLS at once."""

        def _trigger_server(self) -> None:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with (
                socket.create_connection((self.hostname, self.port), 1) as plain,
                context.wrap_socket(plain) as client,
            ):
                assert client.recv(1024)

    recipients = Recipients()
    controller = Encrypted(recipients, hostname="127.0.0.1", port=_free_port(), ssl_context=server_side)
    controller.start()
    try:
        url = f"smtps://localhost:{controller.port}?cacertfile={authorities}"
        outcomes = Mailer(read_server(url), SENDER, timeout=5).send([a_mail("ada")])
    finally:
        controller.stop()
    assert outcomes == {"id-ada": ACCEPTED}
    assert len(recipients.taken) == 1


# As it runs: on green threads


def test_lines_are_green_threads_in_a_service(server: tuple[Recipients, int]) -> None:
    """A server that hangs keeps nothing else in the process waiting."""
    program = f"""
import eventlet
eventlet.monkey_patch()
import time
from tests.unit.notifications.test_mailer import IMPATIENT, a_mail, a_mailer
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic())
        eventlet.sleep(0.01)
eventlet.spawn(tick)
mails = [a_mail(name) for name in ("slow", "ada", "bob", "refused", "cut")]
outcomes = a_mailer({server[1]}, timeout=IMPATIENT).send(mails)
by = {{}}
for id_, outcome in sorted(outcomes.items()):
    by.setdefault(outcome.verdict, []).append(id_[3:])
print(", ".join(f"{{verdict}} {{' '.join(names)}}" for verdict, names in sorted(by.items())))
print(len(ticks) > 20)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert ended.stdout.split("\n")[:2] == ["accepted ada bob, deferred cut slow, refused refused", "True"], (
        ended.stderr
    )


# Settings


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail", Server("mail", 25, "when-offered")),
        ("smtp://127.0.0.1:2525", Server("127.0.0.1", 2525, "when-offered")),
        ("smtp://mail:25?starttls=required", Server("mail", 25, "required")),
        ("smtps://mail", Server("mail", 465, None)),
        ("smtps://me:p%40ss@mail", Server("mail", 465, None, "me", "p@ss")),
        ("smtp://me:x@mail?starttls=required", Server("mail", 587, "required", "me", "x")),
    ],
)
def test_server_by_url(url: str, server: Server) -> None:
    assert read_server(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail:25",
        "http://mail",
        "smtp://",
        "smtp://mail:no",
        "smtp://mail:70000",
        "smtp://[::1",
        "smtp://mail..example.org:25",
        f"smtp://{'m' * 64}.example.org",
        "smtp://mail/path",
        "smtp://mail?starttls",
        "smtp://mail?starttls=perhaps",
        "smtp://mail?tls=yes",
        "smtps://mail?starttls=required",
        "smtp://me:secret@mail",
        "smtp://me:secret@mail?starttls=when-offered",
        "smtps://me:secret-p%C3%A4ss@mail",
        "smtps://m%C3%A9:secret@mail",
    ],
)
def test_wrong_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"^a URL ") as caught:
        read_server(url)
    assert "secret" not in str(caught.value)


def test_a_server_never_shows_its_password() -> None:
    assert "p@ss" not in repr(read_server("smtps://me:p%40ss@mail"))


@pytest.mark.parametrize("text", ["", "desk", "desk@", "Desk <desk>", "a@b@c", "desk@example.org\nX: y"])
def test_wrong_sender(text: str) -> None:
    with pytest.raises(ValueError):
        read_sender(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and says nothing."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def hold() -> None:
            try:
                while True:
                    held.append(listener.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=hold, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
    for connection in held:
        connection.close()
