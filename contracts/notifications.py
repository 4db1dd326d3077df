"""Notifications: what was sent, what failed, what a channel shows. Owner: notifications.

The page is docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, get_args

from msgspec import Meta

from contracts.common import MAX_BODY, Identity, Sentence, TicketNumber, Word
from contracts.fields import Text
from contracts.payload import Payload
from contracts.snapshot import TicketRequester

Channel = Literal["email", "channel", "agent", "webhook"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
"""Ways to tell: mail, `notification.message` to the channel or to the agent, an operator's webhook (its name is the
`recipient`)."""

SwitchableKind = Literal[
    "receipt",
    "assigned",
    "info_requested",
    "solution_suggested",
    "reminder",
    "closed",
    "reopened",
    "escalated",
    "consent_requested",
]
SWITCHABLE_KINDS: tuple[SwitchableKind, ...] = get_args(SwitchableKind)
"""Kinds of notification that requesters may switch off (`account.set_preferences`, `notify`), by channel."""

SWITCHABLE_CHANNELS = ("email", "channel")

MAX_TITLE = 200
MAX_TEXT = MAX_BODY + 10_000
"""Characters. An agent's whole text fits, within the words of the operator's template."""


MAX_RESENT = 200
"""Deliveries in one command."""


class Resend(Payload):
    """Command `notifications.resend`, from the operator: notifications sends these failed deliveries again, each as if
    it were new. `hints` of the outcome name deliveries that have not failed."""

    deliveries: Annotated[Sequence[Identity], Meta(min_length=1, max_length=MAX_RESENT)]


class Delivered(Payload):
    """Events `notification.sent` and `notification.failed`: one for each (event, recipient, channel).

    `number`: of the ticket; missing if it is about an account.
    """

    event_id: Identity
    number: TicketNumber | None = None
    recipient: Identity
    kind: Word
    channel: Channel
    reason: Sentence | None = None


class Message(Payload):
    """`notification.message`, to the requester's channel or to the ticket's agent: something to show."""

    requester: TicketRequester
    number: TicketNumber
    kind: Word
    title: Annotated[str, Text(MAX_TITLE).rule]
    text: Annotated[str, Text(MAX_TEXT).rule]
