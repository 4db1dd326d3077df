"""A person without an account: gets a temporary one, files, looks at the ticket, adds to it.

Hears back by `reply_to`, on a queue of its own, as a web request would. The page is docs/cli.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.accounts import OpenTemporary, TemporaryOpenedOutcome
from contracts.common import Secret, TemporaryRequester
from contracts.outcomes import Accepted
from contracts.tickets import Reply, Submit, TicketOutcome, Viewed, ViewTicket
from services.client.blocking import Client

from .speaker import Speaker


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
        opened = sender.expect("account.open_temporary", opening, TemporaryOpenedOutcome)
        requester = TemporaryRequester(temporary=Secret(account_id=opened.account_id, secret=opened.secret))
        submission = Submit(
            requester=requester,
            category=category,
            subject="I cannot get into my account any more",
            body="The program asks for a code that goes to an address which I have given up. How do I get back in?",
        )
        number = sender.expect("ticket.submit", submission, TicketOutcome).ticket.number
        reply = Reply(requester=requester, number=number, body="The old name was Fable.")
        sender.expect("ticket.reply", reply, Accepted)
        viewed = sender.expect("ticket.view", ViewTicket(requester=requester, number=number), Viewed)
        return Visit(sender, opened.account_id, requester, number, len(viewed.history))
