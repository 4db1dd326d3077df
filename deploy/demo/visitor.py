"""A person without an account: gets a temporary one, files, looks at the ticket, adds to it.

Hears back by `reply_to`, on a queue of its own, as a web request would. The page is docs/cli.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from contracts.accounts import OpenTemporary, TemporaryOpenedOutcome
from contracts.common import Secret, TemporaryRequester
from contracts.outcomes import Accepted
from contracts.payload import Payload
from contracts.tickets import Reply, Submit, TicketOutcome, Viewed, ViewTicket
from deploy.trouble import Trouble
from services.client.blocking import Client
from services.client.errors import ClientError

from .speaker import Speaker

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Visit:
    """What the visitor has in the end. `requester` holds the secret: never shown."""

    sender: Speaker
    account_id: str
    requester: TemporaryRequester
    number: str
    entries_seen: int


def visit(url: str, category: str) -> Visit:
    """Do all that on a connection of its own. Raises Trouble if the desk gives another answer."""
    with Client(url) as client:
        sender = Speaker(client)
        opening = OpenTemporary(display_name="A visitor")
        opened = _expect(sender, "account.open_temporary", opening, TemporaryOpenedOutcome)
        requester = TemporaryRequester(temporary=Secret(account_id=opened.account_id, secret=opened.secret))
        submission = Submit(
            requester=requester,
            category=category,
            subject="I cannot get into my account any more",
            body="The program asks for a code that goes to an address which I have given up. How do I get back in?",
        )
        number = _expect(sender, "ticket.submit", submission, TicketOutcome).ticket.number
        reply = Reply(requester=requester, number=number, body="The old name was Fable.")
        _expect(sender, "ticket.reply", reply, Accepted)
        viewed = _expect(sender, "ticket.view", ViewTicket(requester=requester, number=number), Viewed)
        return Visit(sender, opened.account_id, requester, number, len(viewed.history))


def _expect(sender: Speaker, command: str, data: Payload, form: type[P]) -> P:
    outcome = sender.ask(command, data)
    try:
        return outcome.expect(form)
    except ClientError as error:
        raise Trouble(f"The visitor's {command} came to {outcome.type}: {error}") from error
