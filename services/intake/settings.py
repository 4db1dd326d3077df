"""The settings of intake: its keys, the files that it accepts, similarity, temporary accounts, limits."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

from contracts.attachments import MAX_PARTS
from contracts.file_forms import MAX_ATTACHMENT
from contracts.values import dataclass
from services.chassis.settings import Settings, WrongSettings, expect
from services.intake.domain.issues.similarity import SIMILAR_FROM
from services.intake.domain.values.account import TEMPORARY_LASTS
from services.intake.domain.values.limits import REPEATED_WITHIN, REQUESTER_MESSAGES, TICKET_MESSAGES
from services.intake.files.media import TAKEN, named
from services.intake.files.scanner import Scanner, WrongScanner

MOST_MIB = MAX_PARTS * MAX_ATTACHMENT // 1024**2
"""The largest file that can come in parts."""

_NAME = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}"
_IS_MEDIA_TYPE = re.compile(f"{_NAME}/{_NAME}").fullmatch
"""RFC 6838, 4.2."""

MOST_MESSAGES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSettings(Settings):
    """What intake needs besides what every service needs."""

    secret_key: str = dataclasses.field(repr=False)
    """Makes the secrets of temporary accounts. A new key leaves earlier secrets valid; keep it out of the database."""

    attachment_keys: str = dataclasses.field(repr=False)
    """The master keys that wrap the keys of files, a line each: an id and 32 random bytes in base64. The first wraps
    the keys of new files (docs/attachments.md)."""

    attachment_mib: float = 20.0
    """The largest file that intake accepts."""

    attachment_types: str = " ".join(sorted(TAKEN))
    """Media types that intake accepts, separated by spaces."""

    scanner: str = ""
    """Where a virus scanner listens, by ClamAV's protocol: tcp://host:port, tls://host:port or unix:///path. Empty:
    no scanner."""

    similar_from: float = SIMILAR_FROM
    """The score from which a submission is answered with a prompt; 1: only for nearly equal texts."""

    temporary_days: float = TEMPORARY_LASTS / timedelta(days=1)
    """Days that a temporary account lasts after its opening, or after its last ticket was closed."""

    ticket_messages: int = TICKET_MESSAGES
    requester_messages: int = REQUESTER_MESSAGES
    """How often in an hour a requester may write to one ticket, and in all."""

    repeated_hours: float = REPEATED_WITHIN / timedelta(hours=1)
    """How many hours after the requester's last message a repetition of it counts as an automatic reply."""

    burst_accounts: int = 20
    burst_minutes: float = 10.0
    """When this many accounts file the same within this many minutes, their tickets are held until a supervisor
    releases them. 0: never. Without a supervisor in the staff file nothing is held either."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        expect(len(self.secret_key) >= 32, "secret_key", "at least 32 characters")
        expect(0 < self.attachment_mib <= MOST_MIB, "attachment_mib", f"more than 0, and at most {MOST_MIB}")
        expect(all(map(_IS_MEDIA_TYPE, self.media_types)), "attachment_types", "media types such as image/png")
        if self.scanner:
            try:
                Scanner.at(self.scanner)
            except WrongScanner as error:
                raise WrongSettings(f"CASEBUS_SCANNER: {error}.") from error
        expect(0 < self.temporary_days <= 3650, "temporary_days", "more than 0 and at most 3650")
        for name in ("ticket_messages", "requester_messages"):
            expect(0 < getattr(self, name) <= MOST_MESSAGES, name, f"from 1 to {MOST_MESSAGES}")
        expect(self.burst_accounts == 0 or 2 <= self.burst_accounts <= 1000, "burst_accounts", "from 2 to 1000, or 0")
        expect(0 < self.burst_minutes <= 1440, "burst_minutes", "more than 0, and at most 1440")
        expect(0 <= self.repeated_hours <= 8760, "repeated_hours", "from 0 to 8760")
        expect(0 < self.similar_from <= 1, "similar_from", "more than 0, and at most 1")

    @property
    def media_types(self) -> frozenset[str]:
        """Those of `attachment_types`."""
        return frozenset(named(name) for name in self.attachment_types.split())


SETTINGS = IntakeSettings
