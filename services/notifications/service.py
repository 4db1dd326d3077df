"""The notifications service: listens to events and to its own timers; every rule is in domain.py.

The page is docs/notifications.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pymongo.database import Database

from services.chassis.entrypoint import Turns, due_timers, messages
from services.chassis.reading import Delivery
from services.chassis.turn import Rules, Turn
from services.chassis.unit_of_work import Fired
from services.notifications.domain import View, decide
from services.notifications.mailer import Mailer, read_sender, read_server
from services.notifications.repository import INDEXES, Repository, sends_mail
from services.notifications.settings import NotificationSettings
from services.notifications.templates import Templates

__all__ = ["INDEXES", "SETTINGS", "Notifications", "Service", "rules"]


def rules(settings: NotificationSettings, database: Database[dict[str, Any]]) -> Rules[Any]:
    """Notifications' own turn. Raises `WrongSettings` for a template that does not do."""
    mailer = Mailer(read_server(settings.smtp), read_sender(settings.smtp_from))
    give_up_after = timedelta(hours=settings.mail_give_up_hours)
    repository = Repository(database, Templates(settings.templates), mailer, give_up_after)
    return Rules("notifications", repository, decide, prepare=repository.prepare, needs_preparing=sends_mail)


class Notifications:
    """Tells requesters and agents what happened to their tickets."""

    name = "notifications"

    turn: Turn[View] = Turns(rules)

    @messages("notifications.events", pause=0.1)  # type: ignore[untyped-decorator]
    def hear(self, take: Callable[[], list[Delivery]]) -> list[Delivery]:
        """Events of tickets and addresses."""
        return self.turn.run(take)

    @due_timers  # type: ignore[untyped-decorator]
    def due(self, timers: list[Fired]) -> None:
        """Mails to send, waits for an address that end."""
        self.turn.run(timers=timers)


Service = Notifications
SETTINGS = NotificationSettings
