"""Every connection that the desk opens, over TLS: it trusts the authorities that the operator names, and refuses a
certificate of another name, of an unknown authority, or of yesterday."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from ssl import SSLContext
from urllib.parse import urlsplit

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from deploy.cli.desk import Desk as Databases
from deploy.local.desk import Desk
from deploy.provision.management import Management
from deploy.settings import Settings
from deploy.trouble import Trouble
from services.chassis.amqp_connection import AWAY, close, connect
from services.chassis.database import open_database
from services.chassis.settings import WrongSettings, look_up
from services.client.bus import Bus
from services.client.errors import ClientError
from services.intake.files.scanner import Scanner, ScannerAway
from services.notifications.mailer import Mailer, read_server
from services.notifications.webhooks import Poster, Request
from tests.certificates import Authority, tls_before
from tests.integration.test_scanner import scanner
from tests.unit.notifications.receiver import receiving
from tests.unit.notifications.test_mailer import SENDER, a_mail, serving
from tests.unit.notifications.test_webhooks import a_webhook

BAD = ("wrong name", "unknown authority", "expired")


@pytest.fixture
def desk(emptied_desk: Desk) -> Desk:
    """Shared by the tests of this file."""
    return emptied_desk


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls") / "ours.pem")


@pytest.fixture(scope="module")
def sides(authority: Authority) -> dict[str, SSLContext]:
    """Servers' sides of TLS: one that is right, and those that must be refused."""
    stranger = Authority.make(authority.file.with_name("stranger.pem"))
    return {
        "good": authority.server(),
        "wrong name": authority.server("somebody-else.example"),
        "unknown authority": stranger.server(),
        "expired": authority.server(expired=True),
    }


def believing(url: str, authority: Authority) -> str:
    """The URL of a service whose operator set `CASEBUS_X_CA`."""
    found = look_up("CASEBUS_X", {"CASEBUS_X": url, "CASEBUS_X_CA": str(authority.file)})
    assert found is not None
    return found


def at_port(url: str, scheme: str, port: int, query: str = "") -> str:
    """The same URL over TLS, at this port of localhost."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    return parts._replace(scheme=scheme, netloc=f"{login}{at}localhost:{port}", query=query).geturl()


def broker(desk: Desk, port: int, authority: Authority) -> None:
    close(connect(believing(at_port(desk.amqp_url("intake"), "amqps", port), authority), "test"))


def command_line(desk: Desk, port: int, authority: Authority) -> None:
    url = at_port(desk.amqp_url("web"), "amqps", port)
    settings = Settings({"AMQP_CHANNEL_WEB": url, "AMQP_CA": str(authority.file)}, None)
    with Bus(settings.broker_url("web")) as bus:
        assert bus.depth("web.outcomes") == 0


def management(desk: Desk, port: int, authority: Authority) -> None:
    url = at_port(desk._broker.management.url, "https", port)
    assert Management.at(believing(url, authority)).get("/whoami")["name"] == "casebus_admin"


def mail(_: Desk, port: int, authority: Authority) -> None:
    server = read_server(believing(f"smtps://localhost:{port}", authority))
    outcome = Mailer(server, SENDER, timeout=5).send([a_mail("ada")])["id-ada"]
    if outcome.verdict != "accepted":
        raise OSError(outcome.reason)


def webhook(_: Desk, port: int, authority: Authority) -> None:
    hook = replace(a_webhook(f"https://localhost:{port}/status/200"), ca=str(authority.file))
    outcome = Poster(hook).send([Request("d1", "{}")], datetime.now(UTC))["d1"]
    if outcome.verdict != "accepted":
        raise OSError(outcome.reason)


def virus_scanner(_: Desk, port: int, authority: Authority) -> None:
    assert Scanner.at(believing(f"tls://localhost:{port}", authority)).finds([b"Hello"]) is None


@contextmanager
def plain(desk: Desk, way: Callable[[Desk, int, Authority], None]) -> Iterator[int]:
    """The port of a server without TLS, for this way of reaching it."""
    with ExitStack() as stack:
        if way in (broker, command_line):
            yield urlsplit(desk.amqp_url("intake")).port or 0
        elif way is management:
            yield urlsplit(desk._broker.management.address).port or 0
        elif way is mail:
            yield stack.enter_context(serving())[1]
        elif way is webhook:
            yield urlsplit(stack.enter_context(receiving())[1]).port or 0
        else:
            yield stack.enter_context(scanner())


@pytest.mark.parametrize("way", [broker, command_line, management, mail, webhook, virus_scanner])
def test_only_a_certificate_of_that_name_by_a_believed_authority_is_accepted(
    desk: Desk, sides: dict[str, SSLContext], authority: Authority, way: Callable[[Desk, int, Authority], None]
) -> None:
    with plain(desk, way) as port:
        for bad in BAD:
            with tls_before(port, sides[bad]) as (front, _):
                with pytest.raises((*AWAY, ClientError, Trouble, ScannerAway)) as caught:
                    way(desk, front, authority)
                assert not isinstance(caught.value, TimeoutError), bad
        with tls_before(port, sides["good"]) as (front, through):
            way(desk, front, authority)
            assert through


def test_so_it_is_with_the_database(desk: Desk, sides: dict[str, SSLContext], authority: Authority) -> None:
    port = urlsplit(desk.mongo_url("intake")).port or 0

    def ask(side: str) -> BaseException | None:
        with tls_before(port, sides[side]) as (front, _):
            url = believing(mongo_at(desk.mongo_url("intake"), front), authority)
            database = open_database(url, f"{desk.db_prefix}_intake", "test")
            try:
                database.command("ping")
            except ServerSelectionTimeoutError as error:
                return error
            finally:
                database.client.close()
        return None

    with ThreadPoolExecutor() as pool:  # each that is refused takes the five seconds of a selection
        answers = dict(zip(sides, pool.map(ask, sides), strict=True))
    assert answers.pop("good") is None
    assert all("certificate" in str(error) for error in answers.values()), answers


def test_the_command_line_says_why_it_does_not_believe_the_database(
    desk: Desk, sides: dict[str, SSLContext], authority: Authority
) -> None:
    port = urlsplit(desk.mongo_url("intake")).port or 0
    with tls_before(port, sides["wrong name"]) as (front, _):
        url = believing(mongo_at(desk.mongo_url("intake"), front), authority)
        with pytest.raises(Trouble, match=r"^The certificate of the database is not trusted: Hostname mismatch, .*\.$"):
            Databases(Settings({"MONGO": url, "DB_PREFIX": desk.db_prefix}, None))


def mongo_at(url: str, port: int) -> str:
    """The database at this port alone: as a set, its members would be looked for where they say that they are."""
    query = "&".join([*(each for each in urlsplit(url).query.split("&") if "replicaSet" not in each)])
    return at_port(url, "mongodb", port, "&".join(filter(None, [query, "directConnection=true"])))


def test_a_service_works_over_tls_and_does_not_start_with_a_stranger(
    desk: Desk, sides: dict[str, SSLContext], authority: Authority
) -> None:
    amqp, mongo = urlsplit(desk.amqp_url("sla")).port or 0, urlsplit(desk.mongo_url("sla")).port or 0
    believed = {"CASEBUS_AMQP_CA": str(authority.file), "CASEBUS_MONGO_CA": str(authority.file)}
    with tls_before(amqp, sides["good"]) as (front, through), tls_before(mongo, sides["good"]) as (database, _):
        own = {
            "CASEBUS_AMQP": at_port(desk.amqp_url("sla"), "amqps", front),
            "CASEBUS_MONGO": mongo_at(desk.mongo_url("sla"), database),
        }
        desk.settings_of["sla"] = believed | own
        desk.start("sla")
        assert len(through) >= 2  # it looked, and it consumes
        desk.terminate("sla")
        with tls_before(amqp, sides["wrong name"]) as (stranger, _):
            desk.settings_of["sla"] |= {"CASEBUS_AMQP": at_port(desk.amqp_url("sla"), "amqps", stranger)}
            with pytest.raises(Trouble) as caught:
                desk.start("sla")
    assert "casebus: The broker of CASEBUS_AMQP cannot be used" in str(caught.value)
    assert "localhost" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("amqp://intake:x@broker/desk", "is of no use: its URL does not ask for TLS"),
        ("smtp://mail.example", "is of no use: its URL does not ask for TLS"),
        ("tcp://scanner:3310", "is of no use: its URL does not ask for TLS"),
        ("mongodb://intake:x@db/?tls=false", "is of no use: its URL says tls=false"),
        ("mongodb://intake:x@db/?w=1&SSL=false", "is of no use: its URL says SSL=false"),
        ("mongodb+srv://intake:x@db/?w=1;Tls=False", "is of no use: its URL says Tls=False"),
        ("amqps://intake:\u2100x@broker/desk", "cannot be used: its URL is malformed"),
    ],
)
def test_authorities_without_tls_are_a_mistake(authority: Authority, url: str, said: str) -> None:
    with pytest.raises(WrongSettings, match=f"CASEBUS_X_CA {said}"):
        believing(url, authority)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_authorities_that_are_none_are_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    settings = {"CASEBUS_AMQP": "amqps://intake:x@broker/desk", "CASEBUS_AMQP_CA": str(file)}
    with pytest.raises(WrongSettings, match=r"CASEBUS_AMQP_CA names no readable file of PEM certificates: .*ca\.pem"):
        look_up("CASEBUS_AMQP", settings)
