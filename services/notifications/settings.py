"""The settings of notifications: the mail server, the sender, the operator's templates."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from services.chassis.settings import Settings, WrongSettings, expect
from services.notifications.mailer import read_sender, read_server


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSettings(Settings):
    """What notifications needs besides what every service needs."""

    smtp: str = dataclasses.field(repr=False)
    """`smtp://host:port[?starttls=required|when-offered]` or `smtps://host:port`, with `user:password@` if need be."""
    smtp_from: str
    """`Name <local@domain>`; the domain also stands in each Message-ID."""
    templates: Path | None = None
    """A folder of the operator's: `<folder>/en/<kind>.j2` comes before the shipped one."""
    mail_give_up_hours: float = 24.0
    """How long a mail is tried before it is given up."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        for name, read in (("smtp", read_server), ("smtp_from", read_sender)):
            try:
                read(getattr(self, name))
            except ValueError as error:
                raise WrongSettings(f"CASEBUS_{name.upper()} must be {error}.") from error
        expect(0 < self.mail_give_up_hours <= 24 * 30, "mail_give_up_hours", "more than 0 and at most 720")
