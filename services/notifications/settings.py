"""The settings of notifications: the mail server, the sender, the operator's templates and webhooks."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from contracts.values import dataclass
from services.chassis.settings import Settings, WrongSettings, expect
from services.notifications.domain.articles import MAX_ARTICLE_URL
from services.notifications.domain.mailboxes import mailbox
from services.notifications.mailer import is_address, read_sender, read_server

WANTED_URL = f"an address such as https://help.example.org/{{id}}, of at most {MAX_ARTICLE_URL} characters, or empty"


def is_article_url(text: str) -> bool:
    """Whether it says where an article is: a web address without blanks, with `{id}` and no other braces but
    `{language}`."""
    rest = text.replace("{id}", "").replace("{language}", "")
    is_address = re.fullmatch(r"https?://[!-z|~]+", rest) is not None
    return is_address and "{id}" in text and len(text) <= MAX_ARTICLE_URL


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSettings(Settings):
    """What notifications needs besides what every service needs."""

    smtp: str = dataclasses.field(repr=False)
    """`smtp://host:port[?starttls=required|when-offered]` or `smtps://host:port`, with `user:password@` if need be."""
    smtp_from: str
    """`Name <local@domain>`; the domain also stands in each Message-ID."""
    templates: Path | None = None
    """A folder of the operator's: `<folder>/<language>/<kind>.j2` comes before the shipped one."""
    mail_give_up_hours: float = 24.0
    """How long a mail is tried before it is given up."""
    webhooks: Path | None = None
    """The operator's file of webhooks (`webhooks.read_webhooks`)."""
    webhook_give_up_hours: float = 72.0
    """How long a webhook is tried before its request is given up."""
    community_manager: str = dataclasses.field(default="", repr=False)
    """The mail address that is told of escalations; empty: nobody is told."""
    article_url: str = ""
    """Where a person reads an article of the knowledge base: `https://…`, with `{id}` and perhaps `{language}`. Empty:
    mails name articles by title alone."""
    own_addresses: str = ""
    """Further mail addresses that the desk reads, separated by blanks: no requester gets mail there, nor at `smtp_from`
    and `community_manager`."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        for name, read in (("smtp", read_server), ("smtp_from", read_sender)):
            try:
                read(getattr(self, name))
            except ValueError as error:
                raise WrongSettings(f"CASEBUS_{name.upper()} must be {error}.") from error
        for name in ("mail_give_up_hours", "webhook_give_up_hours"):
            # A failed delivery is kept until 30 days after its first attempt: operators need some of those days.
            expect(0 < getattr(self, name) <= 24 * 14, name, "more than 0 and at most 336")
        has_no_fault = not self.community_manager or is_address(self.community_manager) is not None
        expect(has_no_fault, "community_manager", "a mail address such as manager@example.org, or empty")
        expect(not self.article_url or is_article_url(self.article_url), "article_url", WANTED_URL)
        wanted = "mail addresses such as support@example.org, with blanks between, or empty"
        expect(all(is_address(address) for address in self.own_addresses.split()), "own_addresses", wanted)

    @property
    def own_mailboxes(self) -> frozenset[str]:
        """The desk's own, as addresses are compared."""
        named = [read_sender(self.smtp_from).addr_spec, self.community_manager, *self.own_addresses.split()]
        return frozenset(mailbox(address) for address in named if address)


SETTINGS = NotificationSettings
