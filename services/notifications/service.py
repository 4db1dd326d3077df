"""The notifications service: hears events, its own timers and the operator; every rule is in domain/.

The page is docs/notifications.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pymongo.database import Database

from services.chassis.entrypoint import Turns, due_timers, messages
from services.chassis.reading import Delivery
from services.chassis.rules import Rules
from services.chassis.turn import Decided, Turn
from services.chassis.unit_of_work import DueTimer
from services.notifications.attempting import Attempting, is_attempt
from services.notifications.domain.addresses import WAITS
from services.notifications.domain.attempts import MAIL_LANE, webhook_lane
from services.notifications.domain.decide import TAKEN, decide
from services.notifications.domain.state import Policy, View
from services.notifications.mailer import Mailer, read_sender, read_server
from services.notifications.repository import INDEXES, Repository
from services.notifications.senders import Senders
from services.notifications.settings import SETTINGS, NotificationSettings
from services.notifications.templates import Templates
from services.notifications.webhooks import Poster, read_webhooks

__all__ = ["INDEXES", "SETTINGS", "TAKEN", "Service", "lanes", "rules"]


def rules(settings: NotificationSettings, database: Database[dict[str, Any]]) -> Rules[Any]:
    """Notifications' own turn. Raises `WrongSettings` for invalid templates or webhooks."""
    webhooks = read_webhooks(settings.webhooks) if settings.webhooks else {}
    policy = Policy(
        timedelta(hours=settings.mail_give_up_hours),
        timedelta(hours=settings.webhook_give_up_hours),
        {name: webhook.kinds for name, webhook in webhooks.items()},
        has_manager=bool(settings.community_manager),
        article_url=settings.article_url,
        own_mailboxes=settings.own_mailboxes,
    )
    senders = Senders(
        Mailer(read_server(settings.smtp), read_sender(settings.smtp_from)),
        {name: Poster(webhook) for name, webhook in webhooks.items()},
        settings.community_manager,
    )
    repository = Repository(database, Templates(settings.templates), policy)
    attempting = Attempting(repository, policy, senders)
    return Rules(repository, decide, prepare=attempting.prepare, needs_preparing=is_attempt)


def lanes(settings: NotificationSettings) -> Sequence[str]:
    """A lane for each destination, so that none waits for another, and one for what waits for no server."""
    webhooks = read_webhooks(settings.webhooks) if settings.webhooks else {}
    return (WAITS, MAIL_LANE, *map(webhook_lane, webhooks))


class Service:
    """Tells requesters and agents what happened to their tickets."""

    name = "notifications"

    turn: Turn[View] = Turns(rules)

    @messages("notifications.commands", "notifications.events", pause=0.1)
    def hear(self, deliveries: list[Delivery]) -> Decided:
        """The operator's commands; events of tickets, deadlines, addresses, preferences and articles."""
        return self.turn.decide(deliveries)

    @due_timers(lanes=lanes)
    def due(self, timers: list[DueTimer]) -> None:
        """Mails and requests to send, and waits for an address that end."""
        self.turn.run(timers=timers)
