"""What the operator sets for the services of `make up`: `CASEBUS_…` of the environment, and files in `deploy/`.

Only the stack says how to reach broker, database and mail catcher: a desk to try things on must not mail people. The
page is docs/local-stack.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path

from contracts.names import SERVICES
from deploy.local.processes import CODE
from services.chassis.settings import Settings

KINDS: Mapping[str, type[Settings]] = {
    service: import_module(f"services.{service}.settings").SETTINGS for service in SERVICES
}
"""The settings that each service takes."""

OWN = frozenset({"amqp", "mongo", "db_prefix", "health_port", "health_host", "secret_key", "attachment_keys", "smtp"})
"""Settings that only the stack sets."""

READ_AT_START = "CASEBUS_LOCAL_FILES"
"""A digest of the files that notifications reads only at its start: when one has changed, `make up` starts it again."""

_ENV = re.compile(r"\benv:\s*[\"']?(\w+)")
"""A webhook's secret in a variable of the environment."""


def settings_of(environment: Mapping[str, str], deploy: Path = CODE / "deploy") -> dict[str, dict[str, str]]:
    """The operator's settings by service: those in `environment`, and the files in `deploy` that exist. The services
    find the catalogue and the calendars there by themselves, and read them again when they change."""
    found = {service: _given(service, environment) for service in SERVICES}
    staff = deploy / "staff.yaml"
    if staff.exists():
        found = {service: {"CASEBUS_STAFF": str(staff), **given} for service, given in found.items()}
    told = found["notifications"]
    shipped = {"CASEBUS_WEBHOOKS": deploy / "webhooks.yaml", "CASEBUS_TEMPLATES": deploy / "templates"}
    for name, path in shipped.items():
        if name not in told and path.exists():
            told[name] = str(path)
    webhooks = CODE / told["CASEBUS_WEBHOOKS"] if told.get("CASEBUS_WEBHOOKS") else None
    if webhooks is not None and webhooks.is_file():
        named = _ENV.findall(webhooks.read_text(encoding="utf-8", errors="replace"))
        told |= {name: environment[name] for name in named if name in environment}
    told[READ_AT_START] = _digest(CODE / told[name] for name in shipped if told.get(name))
    return found


def takes(service: str) -> set[str]:
    """The names of the settings that a service takes, its own and those of all."""
    return {field.name for field in fields(KINDS[service])}


def _given(service: str, environment: Mapping[str, str]) -> dict[str, str]:
    names = [f"CASEBUS_{name.upper()}" for name in takes(service) - OWN]
    return {name: environment[name] for name in names if name in environment}


def _digest(paths: Iterable[Path]) -> str:
    """A digest of the names and contents of these files, and of all files in these folders."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(f"{file}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
