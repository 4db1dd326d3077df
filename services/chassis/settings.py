"""Settings from the environment, checked once at start.

`CASEBUS_<NAME>` holds a value, or `CASEBUS_<NAME>_FILE` names a file that holds it (for secrets). The password of a URL
may come from `CASEBUS_<NAME>_PASSWORD` or `…_PASSWORD_FILE`, and the authorities that it trusts from
`CASEBUS_<NAME>_CA`. If a setting is wrong or missing, the process stops with one sentence that names it. Each service
extends `Settings` with its own fields.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_type_hints
from urllib.parse import quote, urlsplit

from contracts.values import dataclass
from services.chassis.tls import MONGODB, with_authorities

S = TypeVar("S", bound="Settings")
MOST_AHEAD = 10 * 365 * 86_400
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class WrongSettings(Exception):
    """A setting is missing or wrong; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every service needs. Field `x` is read from `CASEBUS_X`."""

    amqp: str = dataclasses.field(repr=False)
    """URL of the broker, with the service's own user: `amqp://user:password@host:port/vhost` (or `amqps://`)."""
    mongo: str = dataclasses.field(repr=False)
    """URL of the database, with the service's own user."""
    db_prefix: str = "casebus"
    health_port: int = 0
    """Port of /healthz, /readyz and /metrics on `health_host`; 0 takes a free one."""
    health_host: str = "127.0.0.1"
    start_patience: float = 0.0
    """Seconds that the service waits at start for broker, database, queues and users. Then it ends and names what is
    missing."""
    clock_ahead: float = 0.0
    """Seconds that the service's clock is ahead of the database's: to rehearse what happens days later. The same for
    all services of a desk, and never less than before: what was written would lie in the future."""
    failing_share: float = 0.2
    failing_of: int = 100
    """If this share of the last `failing_of` messages (or timers) raised, the service tries one a minute until one
    succeeds."""
    log_level: str = "INFO"
    catalogue: Path = Path("deploy/catalogue.yaml")
    staff: Path | None = None
    """The file that names the staff; empty: nobody is named, and everyone who signs on is an agent."""

    def __post_init__(self) -> None:
        expect(_is_of_broker(self.amqp), "amqp", "a URL amqp://user:password@host:port/vhost or amqps://…")
        expect(self.mongo.startswith(("mongodb://", "mongodb+srv://")), "mongo", "a URL mongodb://…")
        expect(self.db_prefix.isidentifier(), "db_prefix", "letters, digits and underscores")
        expect(0 <= self.health_port < 65536, "health_port", "a port number")
        expect(self.start_patience >= 0, "start_patience", "a number of seconds, 0 or more")
        expect(0 <= self.clock_ahead <= MOST_AHEAD, "clock_ahead", "a number of seconds, from 0 to ten years")
        expect(0 < self.failing_share <= 1, "failing_share", "a share above 0, at most 1")
        expect(5 <= self.failing_of <= 10_000, "failing_of", "a number from 5 to 10,000")
        expect(self.log_level in LEVELS, "log_level", "one of " + ", ".join(LEVELS))


def _is_of_broker(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_all = all((parts.hostname, parts.username, parts.password))
        str(parts.hostname).encode("idna")  # as the resolver gets it
        return parts.scheme in ("amqp", "amqps") and has_all and parts.port != 0
    except ValueError:
        return False


def expect(holds: bool, name: str, wanted: str) -> None:
    """Raise `WrongSettings` that names the setting and what was expected, unless `holds`."""
    if not holds:
        raise WrongSettings(f"CASEBUS_{name.upper()} must be {wanted}.")


def read(kind: type[S], environment: Mapping[str, str] = os.environ) -> S:
    """The settings of `kind` from the environment. Raises `WrongSettings`."""
    hints = get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        text = look_up(f"CASEBUS_{field.name.upper()}", environment)
        if text is not None:
            values[field.name] = _value(field.name, text, hints[field.name])
        elif field.default is dataclasses.MISSING:
            raise WrongSettings(f"CASEBUS_{field.name.upper()} (or CASEBUS_{field.name.upper()}_FILE) is not set.")
    return kind(**values)


def look_up(name: str, environment: Mapping[str, str]) -> str | None:
    """The setting `name`, complete with what is kept apart from its URL: a password, and the PEM file of the
    authorities that the connection trusts instead of the system's. None if there is no such setting.

    Raises `WrongSettings` for a file that cannot be read, and for authorities of a URL without TLS.
    """
    text, password = _text(name, environment), _text(f"{name}_PASSWORD", environment)
    authorities = environment.get(f"{name}_CA")
    if text and password is not None:
        text = _with_password(text, password)
    if text and authorities:
        try:
            text = with_authorities(text, authorities)
        except ValueError as error:
            raise WrongSettings(f"{name}_CA {error}.") from error
    return text


def _with_password(url: str, password: str) -> str:
    """The URL with this password, if it names a user and no password."""
    if url.startswith(MONGODB):
        scheme, _, rest = url.partition("://")
        user, at, place = rest.partition("@")
        return f"{scheme}://{user}:{quote(password, safe='')}@{place}" if user and at and ":" not in user else url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # whoever reads it reports that it is malformed
    if not parts.username or parts.password is not None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}").geturl()


def _text(name: str, environment: Mapping[str, str]) -> str | None:
    if name in environment:
        return environment[name]
    file = environment.get(f"{name}_FILE")
    if file is None:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSettings(f"{name}_FILE cannot be read: {file} ({type(error).__name__}).") from error


def _value(name: str, text: str, kind: Any) -> Any:
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError as error:
            raise WrongSettings(f"CASEBUS_{name.upper()} must be a number, not {text!r}.") from error
    if kind == Path | None:
        return Path(text) if text else None
    return Path(text) if kind is Path else text
