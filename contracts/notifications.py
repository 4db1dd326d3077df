"""Notifications: what was sent, what could not be, what a channel shows. Owner: notifications.

The page is docs/contracts.md.
"""

from __future__ import annotations

from contracts import common
from contracts.fields import Choice, Text
from contracts.payload import Part, Payload

CHANNELS = ("email", "channel", "agent", "webhook")
"""Ways to tell: mail, `notification.message` to the channel or to the agent, an operator's webhook (its name is the
`recipient`)."""

SWITCHABLE_KINDS = (
    "receipt",
    "assigned",
    "info_requested",
    "solution_suggested",
    "reminder",
    "closed",
    "reopened",
    "escalated",
    "consent_requested",
)
"""Kinds of notification that requesters may switch off (`account.set_preferences`, `notify`), by channel."""

SWITCHABLE_CHANNELS = ("email", "channel")

MAX_TITLE = 200
MAX_TEXT = common.MAX_BODY + 10_000
"""What an agent wrote is shown whole, within the words of the operator's template."""


class Delivered(Payload):
    """Events `notification.sent` and `notification.failed`: one for each (event, recipient, channel).

    `number`: of the ticket that it is about; what is about an account has none.
    """

    event_id = common.identity()
    number = common.ticket_number(optional=True)
    recipient = common.identity()
    kind = common.word()
    channel = Choice(CHANNELS)
    reason = Text(common.MAX_REASON, optional=True)


class Message(Payload):
    """`notification.message`, to the requester's channel or to the ticket's agent: something to show."""

    requester = Part(common.TicketRequester)
    number = common.ticket_number()
    kind = common.word()
    title = Text(MAX_TITLE)
    text = Text(MAX_TEXT)
