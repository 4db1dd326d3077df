"""What the operator sets for the services of `make up`: `CASEBUS_…` of the environment, and files in `deploy/`.

Where the stack itself says how to reach broker, database and mail sink, that holds: a desk to try things on sends no
mail to people. The page is docs/local-stack.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from deploy.local.processes import CODE
from services.chassis.settings import Settings
from services.intake.settings import IntakeSettings
from services.notifications.settings import NotificationSettings
from services.routing.settings import RoutingSettings
from services.sla.settings import SlaSettings

KINDS: Mapping[str, type[Settings]] = {
    "intake": IntakeSettings,
    "routing": RoutingSettings,
    "sla": SlaSettings,
    "notifications": NotificationSettings,
}
OWN = frozenset({"amqp", "mongo", "db_prefix", "health_port", "health_host", "secret_key", "attachment_keys", "smtp"})
"""Settings that are the stack's to say."""

READ_AT_START = "CASEBUS_LOCAL_FILES"
"""A digest of the files that notifications reads only at its start: when one has changed, `make up` starts it again."""

_ENV = re.compile(r"\benv:\s*[\"']?(\w+)")
"""A webhook's secret that stands in a variable of the environment."""


def settings_of(environment: Mapping[str, str], deploy: Path = CODE / "deploy") -> dict[str, dict[str, str]]:
    """The operator's settings by service: those that `environment` has, and the files in `deploy` that are there.

    The services look for the catalogue and the calendars there by themselves, and read them again when they change.
    """
    found = {service: _given(kind, environment) for service, kind in KINDS.items()}
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


def _given(kind: type[Settings], environment: Mapping[str, str]) -> dict[str, str]:
    names = [f"CASEBUS_{one.name.upper()}" for one in fields(kind) if one.name not in OWN]
    return {name: environment[name] for name in names if name in environment}


def _digest(paths: Iterable[Path]) -> str:
    """Of the names and contents of these files, and of all files in these folders."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(f"{file}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
