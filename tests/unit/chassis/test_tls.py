"""What becomes of a URL that names the authorities of its connection, and the sentence for a malformed one."""

from __future__ import annotations

import pytest
from kombu.utils.url import parse_url
from pymongo.uri_parser import parse_uri

from deploy.provision.management import Management, ManagementError
from deploy.settings import Settings as CliSettings
from deploy.trouble import Trouble
from services.chassis.database import DatabaseRefuses, open_database
from services.chassis.settings import WrongSettings, look_up
from services.chassis.tls import authorities_of, with_authorities
from tests.certificates import Authority


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """In a folder whose name has to be quoted."""
    return str(Authority.make(tmp_path_factory.mktemp("of ours & theirs; 100%+") / "ca.pem").file)


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"tls=true&tlsCAFile={__file__}",
        "readPreference=nearest&readPreferenceTags=dc:ny&readPreferenceTags=dc:la",
        "authMechanism=GSSAPI&authMechanismProperties=SERVICE_NAME:desk,CANONICALIZE_HOST_NAME:true",
        "ssl=true;w=1",
    ],
)
def test_the_other_options_of_a_database_stay_as_they_are(file: str, query: str) -> None:
    url = f"mongodb://intake:p%40ss%2F%3F@one:27017,[::1]:27018/?{query}"
    before, after = parse_uri(url)["options"], parse_uri(with_authorities(url, file))["options"]
    assert after.pop("tlsCAFile") == file
    before.pop("tlsCAFile", None)
    assert dict(after) == dict(before)


def test_a_database_without_a_path_gets_one(file: str) -> None:
    assert parse_uri(with_authorities("mongodb://intake:x@one,two", file))["options"]["tlsCAFile"] == file


def test_the_address_of_a_broker_stays_as_it_is(file: str) -> None:
    url = "amqps://intake:p%40ss%2F%3F%23@[::1]:5671/de%2Fsk?cacertfile=/of/yesterday&heartbeat=3"
    parts = parse_url(with_authorities(url, file))
    assert (parts["hostname"], parts["port"], parts["password"]) == ("::1", 5671, "p@ss/?#")
    assert (parts["virtual_host"], parts["heartbeat"], parts["cacertfile"]) == ("de/sk", "3", file)
    assert authorities_of(with_authorities(url, file).partition("?")[2]) == file


SECRET = "Sec\u2100ret"
"""urllib's own words about this character repeat the whole address."""


@pytest.mark.parametrize("hosts", ["one", "one:27017,two:27018", "[::1]:27017", "one:27017,[::1]:27018", "[::1],[::2]"])
@pytest.mark.parametrize("tail", ["", "/", "/admin?replicaSet=casebus", "/?tls=true"])
def test_a_database_on_any_hosts_gets_its_password_and_its_authorities(file: str, hosts: str, tail: str) -> None:
    """If an IPv6 address follows another host, urllib sees a wrong URL."""
    given = {
        "CASEBUS_MONGO": f"mongodb://intake@{hosts}{tail}",
        "CASEBUS_MONGO_PASSWORD": "p@ss/?:",
        "CASEBUS_MONGO_CA": file,
    }
    parts, without = parse_uri(look_up("CASEBUS_MONGO", given) or ""), parse_uri(f"mongodb://intake:x@{hosts}{tail}")
    assert (parts["username"], parts["password"]) == ("intake", "p@ss/?:")
    assert (parts["nodelist"], parts["database"]) == (without["nodelist"], without["database"])
    assert parts["options"]["tlsCAFile"] == file


@pytest.mark.parametrize("url", ["mongodb://one,[::1]/", "mongodb://intake:own@one,[::1]/", "mongodb://"])
def test_a_database_url_without_a_user_or_with_a_password_stays(url: str) -> None:
    assert look_up("CASEBUS_MONGO", {"CASEBUS_MONGO": url, "CASEBUS_MONGO_PASSWORD": "other"}) == url


@pytest.mark.parametrize("scheme", ["amqps", "smtps", "https", "tls"])
def test_what_is_no_url_is_said_without_its_password(file: str, scheme: str) -> None:
    url = f"{scheme}://intake:{SECRET}@host:1/"
    with pytest.raises(WrongSettings, match=r"^CASEBUS_X_CA cannot be used: its URL is malformed\.$"):
        look_up("CASEBUS_X", {"CASEBUS_X": url, "CASEBUS_X_CA": file})
    assert look_up("CASEBUS_X", {"CASEBUS_X": url, "CASEBUS_X_PASSWORD": "other"}) == url
    broken = f"{scheme}://intake@[::1/"
    assert look_up("CASEBUS_X", {"CASEBUS_X": broken, "CASEBUS_X_PASSWORD": "other"}) == broken


@pytest.mark.parametrize("url", [f"https://admin:{SECRET}@host:1", "http://admin:x@host:many", "http://admin:x@[::1"])
def test_so_it_is_with_the_management_api(url: str) -> None:
    with pytest.raises(ManagementError, match="must be http://user:password@host:port"):
        Management.at(url)


def test_a_file_that_a_database_url_names_and_that_is_not_there_is_said_of_the_database() -> None:
    url = "mongodb://intake:secret@one/?tlsCAFile=/not/there.pem"
    with pytest.raises(DatabaseRefuses, match=r"\(FileNotFoundError\)$"):
        open_database(url, "casebus_intake", "intake")
    with pytest.raises(Trouble, match=r"^CASEBUS_MONGO is not the address of a database"):
        CliSettings({"MONGO": url}, None).get("MONGO")
