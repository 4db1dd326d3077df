"""A second desk beside the demo's, whose clock can be set ahead: what is due after days happens at once.

The setting is `CASEBUS_CLOCK_AHEAD` (docs/operating.md); in everything else it is a desk like any other.
"""

from __future__ import annotations

import base64
import json
import os
from datetime import timedelta
from pathlib import Path

from contracts.names import OPERATOR, SERVICES
from deploy.local.stack import Stack
from deploy.settings import Settings

from .hook import Hook

NAME = "rehearsal"
MANAGER = "manager@community.example"
KINDS = ("receipt", "closed", "reopened")
"""The kinds that the desk's webhook asks for."""

ARTICLE_URL = "https://help.example.org/{language}/{id}"
"""Where people read articles, as mails say."""

STAFF = (
    {"agent_id": "a1", "roles": ["agent", "supervisor"], "teams": ["desk"], "skills": ["*"]},
    {"agent_id": "a2", "roles": ["agent"], "teams": ["desk"], "skills": ["*"]},
)


class Rehearsal:
    """A new desk, removed when the block is left; its services run from `start` on."""

    def __init__(self, stack: Stack) -> None:
        self.desk = stack.other_desk(NAME)
        self._interrupted = (stack.folder.path / NAME).exists()
        self._files = stack.folder.sub(NAME)
        self._port = stack.folder.port_to_listen_on("hook")
        secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
        self.hook = Hook(self._port, secret)
        self._webhooks = self._write_webhooks(secret)

    def start(self) -> None:
        """Make the desk and start its services, at the present time. Raises Trouble."""
        self.desk.prepare()
        if self._interrupted:
            self.desk.remove()
            self.desk.prepare()
        self.desk.settings["CASEBUS_STAFF"] = str(self._write("staff.yaml", {"members": STAFF}))
        self.desk.settings_of["notifications"] = {
            "CASEBUS_COMMUNITY_MANAGER": MANAGER,
            "CASEBUS_WEBHOOKS": str(self._webhooks),
            "CASEBUS_ARTICLE_URL": ARTICLE_URL,
        }
        self.desk.start_all((service, 1) for service in SERVICES)

    @property
    def settings(self) -> Settings:
        """How the operator reaches the desk."""
        desk = self.desk
        reached = {
            "AMQP_OPERATOR": desk.amqp_url(OPERATOR),
            "MONGO": desk.operator_mongo_url,
            "DB_PREFIX": desk.db_prefix,
        }
        return Settings(reached, None)

    def set_ahead(self, ahead: timedelta) -> None:
        """Stop the services and start them with their clocks this far ahead."""
        for service in SERVICES:
            self.desk.terminate(service)
        self.desk.settings["CASEBUS_CLOCK_AHEAD"] = str(ahead.total_seconds())
        # Requests would be signed with the time of that day, and a receiver refuses timestamps that are not recent.
        self.desk.settings_of["notifications"].pop("CASEBUS_WEBHOOKS")
        self.desk.start_all((service, 1) for service in SERVICES)

    def close(self) -> None:
        """Remove the desk with everything it has."""
        self.hook.close()
        self.desk.remove()
        for file in self._files.iterdir():
            file.unlink()
        self._files.rmdir()

    def _write_webhooks(self, secret: str) -> Path:
        url = f"http://127.0.0.1:{self._port}/"
        hook = {"name": "demo", "url": url, "secrets": [secret], "kinds": KINDS}
        return self._write("webhooks.yaml", {"webhooks": [hook]})

    def _write(self, name: str, content: object) -> Path:
        file = self._files / name
        file.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
        return file
