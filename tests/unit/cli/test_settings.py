"""Where the command line finds the desk."""

from pathlib import Path

import pytest

from deploy.settings import load
from deploy.trouble import Trouble
from services.client.bus import Bus
from services.client.errors import Unreachable


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / ".local").mkdir()
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / ".local" / "casebus.env").write_text(
        "# a comment\nCASEBUS_AMQP_ADMIN=amqp://admin:a=b@h:1/v\n\n"
        "export CASEBUS_SMTP_SINK='/a folder'\nCASEBUS_AMQP_CHANNEL_WEB=amqp://web\nCASEBUS_AMQP_AGENT_A1=amqp://a1\n",
        encoding="utf-8",
    )
    return tmp_path


def test_the_file_is_found_upward(checkout: Path) -> None:
    found = load({}, checkout / "deep" / "down")
    assert found.get("AMQP_ADMIN") == "amqp://admin:a=b@h:1/v"
    assert found.get("SMTP_SINK") == "/a folder"


def test_the_environment_stands_over_the_file(checkout: Path) -> None:
    found = load({"CASEBUS_AMQP_ADMIN": "amqp://other", "HOME": "/x"}, checkout)
    assert found.get("AMQP_ADMIN") == "amqp://other"


def test_users_have_their_own_addresses(checkout: Path) -> None:
    found = load({}, checkout)
    assert found.broker_url("operator").startswith("amqp://admin")
    assert found.broker_url("web") == "amqp://web"
    assert found.broker_url("agent.a1") == "amqp://a1"


def test_what_is_missing_is_named_and_where_it_was_looked_for(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(Trouble, match=r"CASEBUS_AMQP_CHANNEL_FRONT_DESK is not set, nor in .*casebus\.env"):
        load({}, checkout).broker_url("front-desk")
    with pytest.raises(Trouble, match=r"there is no \.local/casebus\.env here or above"):
        load({}, tmp_path_factory.mktemp("elsewhere")).get("MONGO")


@pytest.mark.parametrize("url", ["garbage", "http://h:1/v", "amqp:///v", "amqp://u:p@a..b/v", ""])
def test_what_is_no_address_of_a_broker_is_told_as_that(url: str) -> None:
    with pytest.raises(Unreachable, match="The address of the broker is wrong"):
        Bus(url)


@pytest.mark.parametrize("url", ["mongodb://", "mongodb://u:s3cret@host:no", "mongodb://u:s3/cret.x@host", "x"])
def test_what_is_no_address_of_a_database_is_said_without_its_words(url: str, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="CASEBUS_MONGO is not the address of a database") as said:
        load({"CASEBUS_MONGO": url}, tmp_path).get("MONGO")
    assert "cret" not in str(said.value)
