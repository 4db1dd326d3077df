"""A person without an account: gets a temporary one, files, looks at the ticket, adds to it.

Hears back by `reply_to`, on a queue of its own, as a web request would. The page is docs/cli.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deploy.trouble import Trouble
from services.client.blocking import Client

from .speaker import Speaker


@dataclass(frozen=True, slots=True)
class Visit:
    """What the visitor has in the end. `requester` holds the secret: never shown."""

    sender: Speaker
    account_id: str
    requester: dict[str, Any]
    number: str
    entries_seen: int


def visit(url: str, category: str) -> Visit:
    """Do all that on a connection of its own. Raises Trouble if the desk gives another answer."""
    with Client(url) as client:
        sender = Speaker(client)
        opened = _expect(sender, "account.temporary_opened", "account.open_temporary", display_name="A visitor")
        account = {"account_id": opened["account_id"], "secret": opened["secret"]}
        requester = {"temporary": account}
        filed = _expect(
            sender,
            "ticket.opened",
            "ticket.submit",
            requester=requester,
            category=category,
            subject="I cannot get into my account any more",
            body="The program asks for a code that goes to an address which I have given up. How do I get back in?",
        )
        number = filed["ticket"]["number"]
        _expect(
            sender,
            "command.accepted",
            "ticket.reply",
            requester=requester,
            number=number,
            body="The old name was Fable.",
        )
        viewed = _expect(sender, "ticket.viewed", "ticket.view", requester=requester, number=number)
        return Visit(sender, account["account_id"], requester, number, len(viewed["history"]))


def _expect(sender: Speaker, outcome: str, command: str, **data: Any) -> dict[str, Any]:
    event = sender.ask(command, data).event
    if event.type != outcome:
        raise Trouble(f"The visitor's {command} came to {event.type} instead of {outcome}: {event.data.get('message')}")
    return dict(event.data)
