"""Settings from files, and passwords kept apart from their URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.database import DatabaseRefuses, open_database
from services.chassis.settings import Settings, WrongSettings, look_up, read
from services.notifications.settings import NotificationSettings

WHERE = {
    "CASEBUS_AMQP": "amqp://sla@rabbitmq:5672/casebus",
    "CASEBUS_MONGO": "mongodb://sla@a:1,b:2/admin?replicaSet=x",
}

URLS = {"CASEBUS_AMQP": "amqp://u:p@host", "CASEBUS_MONGO": "mongodb://u:p@host"}


def test_a_url_gets_the_password_that_is_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "amqp").write_text("secret\n")
    passwords = {"CASEBUS_AMQP_PASSWORD_FILE": str(tmp_path / "amqp"), "CASEBUS_MONGO_PASSWORD": "p@ss/w:rd"}
    settings = read(Settings, {**WHERE, **passwords})
    assert settings.amqp == "amqp://sla:secret@rabbitmq:5672/casebus"
    assert settings.mongo == "mongodb://sla:p%40ss%2Fw%3Ard@a:1,b:2/admin?replicaSet=x"
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("url", ["amqp://sla:own@host/casebus", "amqp://host/casebus", "nonsense"])
def test_a_url_with_a_password_or_without_a_user_stays_as_it_is(url: str) -> None:
    assert look_up("CASEBUS_AMQP", {"CASEBUS_AMQP": url, "CASEBUS_AMQP_PASSWORD": "other"}) == url


def test_a_whole_setting_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(" amqp://sla:x@host/casebus \n")
    assert look_up("CASEBUS_AMQP", {"CASEBUS_AMQP_FILE": str(tmp_path / "url")}) == "amqp://sla:x@host/casebus"
    assert look_up("CASEBUS_AMQP", {"CASEBUS_AMQP_PASSWORD": "alone"}) is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    gone = {**WHERE, "CASEBUS_AMQP_PASSWORD_FILE": str(tmp_path / "none")}
    with pytest.raises(WrongSettings, match=r"CASEBUS_AMQP_PASSWORD_FILE cannot be read: .*none"):
        read(Settings, gone)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "amqp://",
        "amqp://u:p@",
        "amqp://host/casebus",
        "amqp://u@host",
        "amqp://u:p@host:no/x",
        "amqp://u:p@[::1/x",
        "amqp://u:p@a..b/x",
        f"amqp://u:p@{'a' * 64}/x",
    ],
)
def test_what_is_no_address_of_a_broker_is_named(url: str) -> None:
    with pytest.raises(WrongSettings, match=r"^CASEBUS_AMQP must be a URL"):
        read(Settings, {"CASEBUS_AMQP": url, "CASEBUS_MONGO": "mongodb://a"})


@pytest.mark.parametrize("url", ["mongodb://", "mongodb://u:s3cret@host:no", "mongodb://u:s3/cret.x@host", "x://host"])
def test_what_is_no_address_of_a_database_is_refused_without_its_words(url: str) -> None:
    with pytest.raises(DatabaseRefuses, match="a URL mongodb://user:password@host:port is wanted") as refused:
        open_database(url, "casebus_sla", "test")
    assert "cret" not in str(refused.value)


def test_a_file_or_folder_that_is_set_to_nothing_is_not_set() -> None:
    where = {"CASEBUS_AMQP": "amqp://u:p@host", "CASEBUS_MONGO": "mongodb://a"}
    mail = {"CASEBUS_SMTP": "smtp://mail", "CASEBUS_SMTP_FROM": "desk@example.org"}
    settings = read(NotificationSettings, {**where, **mail, "CASEBUS_TEMPLATES": "", "CASEBUS_WEBHOOKS": ""})
    assert (settings.templates, settings.webhooks) == (None, None)
    for hours in ("0", "nan", "inf", "337"):
        with pytest.raises(WrongSettings, match="CASEBUS_WEBHOOK_GIVE_UP_HOURS must be more than 0 and at most 336"):
            read(NotificationSettings, {**where, **mail, "CASEBUS_WEBHOOK_GIVE_UP_HOURS": hours})


@pytest.mark.parametrize(
    ("name", "wrong", "right", "wanted"),
    [
        ("MONGO", "http://db", "mongodb+srv://db", "a URL mongodb://…"),
        ("DB_PREFIX", "a-b", "a_b", "letters, digits and underscores"),
        ("HEALTH_PORT", "65536", "65535", "a port number"),
        ("HEALTH_PORT", "-1", "0", "a port number"),
        ("START_PATIENCE", "-0.1", "0", "a number of seconds, 0 or more"),
        ("CLOCK_AHEAD", "-1", "0", "a number of seconds, from 0 to ten years"),
        ("CLOCK_AHEAD", "315360001", "315360000", "a number of seconds, from 0 to ten years"),
        ("FAILING_SHARE", "0", "0.01", "a share above 0, at most 1"),
        ("FAILING_SHARE", "1.01", "1", "a share above 0, at most 1"),
        ("FAILING_OF", "4", "5", "a number from 5 to 10,000"),
        ("FAILING_OF", "10001", "10000", "a number from 5 to 10,000"),
        ("LOG_LEVEL", "debug", "DEBUG", "one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_value_beyond_what_is_allowed_is_named_with_what_is_wanted(
    name: str, wrong: str, right: str, wanted: str
) -> None:
    read(Settings, {**URLS, f"CASEBUS_{name}": right})
    with pytest.raises(WrongSettings) as error:
        read(Settings, {**URLS, f"CASEBUS_{name}": wrong})
    assert str(error.value) == f"CASEBUS_{name} must be {wanted}."


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(WrongSettings) as error:
        read(Settings, {**URLS, "CASEBUS_FAILING_OF": "many"})
    assert str(error.value) == "CASEBUS_FAILING_OF must be a number, not 'many'."


def test_what_is_missing_is_named_with_both_ways_to_give_it() -> None:
    with pytest.raises(WrongSettings) as error:
        read(Settings, {"CASEBUS_AMQP": URLS["CASEBUS_AMQP"]})
    assert str(error.value) == "CASEBUS_MONGO (or CASEBUS_MONGO_FILE) is not set."


def test_what_nobody_sets_is_as_the_documentation_says() -> None:
    found = read(Settings, URLS)
    assert (found.db_prefix, found.health_port, found.health_host, found.log_level) == (
        "casebus",
        0,
        "127.0.0.1",
        "INFO",
    )
    assert (found.start_patience, found.clock_ahead, found.failing_share, found.failing_of) == (0, 0, 0.2, 100)
    assert (found.catalogue, found.staff) == (Path("deploy/catalogue.yaml"), None)


def test_no_address_is_shown_with_its_password() -> None:
    assert URLS["CASEBUS_AMQP"] not in repr(read(Settings, URLS))
    assert URLS["CASEBUS_MONGO"] not in repr(read(Settings, URLS))
