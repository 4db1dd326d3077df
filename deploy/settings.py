"""Where the desk is: what the command line and provisioning need to know to reach the broker and the database.

A setting `CASEBUS_X` comes from the environment, otherwise from `.local/casebus.env` in the working folder or above it
(`make up` writes that file). As for services, a file may hold the setting or a URL's password. Nothing is guessed.
The page is docs/cli.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pymongo.errors import ConfigurationError
from pymongo.uri_parser import parse_uri

from contracts.catalogue import Catalogue
from deploy.trouble import Trouble
from services.chassis.catalogue import load_catalogue
from services.chassis.settings import WrongSettings, look_up
from services.chassis.yaml_file import WrongFile
from services.knowledge.knowledge_file import load_knowledge

SHIPPED_CATALOGUE = Path(__file__).with_name("catalogue.yaml")
SHIPPED_KNOWLEDGE = Path(__file__).with_name("knowledge.yaml")
ENV_FILE = Path(".local") / "casebus.env"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings by name without the prefix (`AMQP_ADMIN`), and the file that they came from, if any."""

    values: Mapping[str, str]
    file: Path | None

    def get(self, name: str) -> str:
        """The setting `CASEBUS_<name>`. Raises Trouble if it is not set, or is not the address of a database but should
        be."""
        try:
            value = look_up(name, self._believing(name))
        except WrongSettings as error:
            raise Trouble(f"CASEBUS_{error}") from error
        if not value:
            where = f"nor in {self.file}" if self.file else f"and there is no {ENV_FILE} here or above"
            raise Trouble(f"CASEBUS_{name} is not set, {where}: start the desk with `make up`, or set it.")
        if name == "MONGO":
            _look_whether_mongodb(value)
        return value

    def _believing(self, name: str) -> Mapping[str, str]:
        """The settings, with `AMQP_CA` for every broker address that has no `…_CA` of its own."""
        authorities, url = self.values.get("AMQP_CA"), self.values.get(name, "")
        if authorities is None or not url.startswith("amqps:"):
            return self.values
        return {f"{name}_CA": authorities, **self.values}

    def broker_url(self, user: str) -> str:
        """The AMQP URL of a broker user: a channel's by its name (`web`), an agent's as `agent.<id>`, or `operator`."""
        if user == "operator":
            return self.get("AMQP_ADMIN")
        kind, name = ("AGENT", user.removeprefix("agent.")) if user.startswith("agent.") else ("CHANNEL", user)
        return self.get(f"AMQP_{kind}_{name.upper().replace('-', '_')}")

    def catalogue(self) -> Catalogue:
        """The catalogue that `CASEBUS_CATALOGUE` names, otherwise the shipped one."""
        path = self.values.get("CATALOGUE") or SHIPPED_CATALOGUE
        try:
            return load_catalogue(path)
        except WrongFile as error:
            raise Trouble(str(error), 2) from error

    def article_categories(self) -> list[str]:
        """The ids of the categories that an article may have: the catalogue's, and the knowledge base's own from the
        file that `CASEBUS_KNOWLEDGE` names, otherwise the shipped one."""
        known = self.catalogue().categories
        path = self.values.get("KNOWLEDGE") or SHIPPED_KNOWLEDGE
        try:
            return [*known, *load_knowledge(path, known).categories]
        except WrongFile as error:
            raise Trouble(str(error), 2) from error

    def having(self, prefix: str) -> dict[str, str]:
        """All settings whose names begin with `prefix`, sorted by name."""
        return {name: value for name, value in sorted(self.values.items()) if name.startswith(prefix)}


def load(environ: Mapping[str, str] = os.environ, start: Path | None = None) -> Settings:
    """Read the settings: `.local/casebus.env` from `start` (the working folder) upward; the environment takes
    precedence."""
    start = (start or Path.cwd()).resolve()
    file = next((folder / ENV_FILE for folder in (start, *start.parents) if (folder / ENV_FILE).is_file()), None)
    values = _parse(file.read_text(encoding="utf-8")) if file else {}
    values.update({name: value for name, value in environ.items() if name.startswith("CASEBUS_")})
    return Settings({name.removeprefix("CASEBUS_"): value for name, value in values.items()}, file)


def _look_whether_mongodb(url: str) -> None:
    try:
        parse_uri(url)
    except (ConfigurationError, ValueError, OSError):  # its message may repeat a part of the password
        wanted = "mongodb://user:password@host:port is wanted"
        raise Trouble(f"CASEBUS_MONGO is not the address of a database: {wanted}.") from None


def _parse(text: str) -> dict[str, str]:
    """Lines `NAME=value`; comments, empty lines, a leading `export` and quotes around the value are allowed."""
    pairs = (line.removeprefix("export ").partition("=") for line in text.splitlines() if line[:1] not in ("", "#"))
    return {name.strip(): value.strip().strip("'\"") for name, equals, value in pairs if equals}
