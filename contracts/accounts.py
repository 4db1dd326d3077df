"""Accounts: what channels ask about them, what is answered and announced. Owner: intake.

The page is docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import Meta
from msgspec.structs import force_setattr

from contracts.common import (
    AgentId,
    AttachmentRef,
    DisplayName,
    Email,
    FromChannel,
    Identity,
    Language,
    NamedAccount,
    NearestLanguage,
    Requester,
    RequesterKind,
    Secret,
    Sentence,
)
from contracts.envelope import in_utc
from contracts.fields import Count, Id, Moment, Ordinal, Text, Words
from contracts.payload import Payload

Notify = Annotated[Mapping[Id, Annotated[Mapping[Id, bool], Meta(max_length=50)]], Meta(max_length=50)]
"""By kind of notification and channel, whether it is wanted."""

TimeOfDay = Annotated[str, Text(5, 5, pattern="([01][0-9]|2[0-3]):[0-5][0-9]", like="a time of day such as 22:30").rule]


class OpenTemporary(FromChannel):
    """Command `account.open_temporary`: an account for a person who has none, or has lost it."""

    display_name: DisplayName | None = None
    contact_email: Email | None = None


class ConfirmContact(FromChannel):
    """Command `account.confirm_contact`: the code that was mailed to the account's address; without it, the code is
    mailed there (again)."""

    requester: Requester
    code: Annotated[str, Words(64).rule] | None = None


class QuietHours(Payload):
    """From when to when nothing is sent, by the wall clock of a time zone; may cross midnight."""

    starts: TimeOfDay
    ends: TimeOfDay
    time_zone: Annotated[str, Text(64).rule]


class SetPreferences(FromChannel):
    """Command `account.set_preferences`: `notify` says by kind of notification and channel whether it is wanted."""

    requester: Requester
    language: NearestLanguage | None = None
    notify: Notify | None = None
    quiet_hours: QuietHours | None = None


class MergeAccounts(FromChannel):
    """Command `account.merge`: the temporary account's tickets go to the real one."""

    requester: Requester
    temporary: Secret


class ExportAccount(FromChannel):
    """Command `account.export`: a copy of all that is kept of an account. A channel brings the `requester`,
    the operator names the `account`."""

    one_of = ("requester", "account")

    requester: Requester | None = None
    account: NamedAccount | None = None


class EraseAccount(FromChannel):
    """Command `account.erase`: names, addresses and preferences go; with `content` words and files too. A channel
    brings the `requester`, the operator names the `account`."""

    one_of = ("requester", "account")

    requester: Requester | None = None
    account: NamedAccount | None = None
    content: bool = False


MAX_SWEPT = 500
"""Erasures that one command speaks of."""


class ConfirmSwept(Payload):
    """Command `erasures.confirm_swept`, of the operator: of the persons of these erasures, by their ids, no dead letter
    tells any more. `hints` of the outcome name those that are not known, or not done."""

    erasures: Annotated[Sequence[Identity], Meta(min_length=1, max_length=MAX_SWEPT)]


class TemporaryOpenedOutcome(Payload):
    """Outcome `account.temporary_opened`: the secret, shown this once.

    `code_at`: no code was mailed to the address, because one was a moment ago; from then on it may be asked for.
    """

    account_id: Identity
    secret: Annotated[str, Text(200).rule]
    expires_at: Moment
    code_at: Moment | None = None


class TemporaryOpened(Payload):
    """Event `account.temporary_opened`; no secret, no address."""

    account_id: Identity
    expires_at: Moment


class TemporaryExpired(Payload):
    """Event `account.temporary_expired`: what identifies the person is erased."""

    account_id: Identity


class AccountErased(Payload):
    """Event `account.erased`: whoever keeps something of this account forgets it; with `content` also what was written
    and sent. Tickets that the account had filed by then are announced without it one by one."""

    account_id: Identity
    kind: RequesterKind
    content: bool
    at: Moment


class Exported(Payload):
    """Outcome `account.exported`: the archive, which the same account downloads (`attachment.download` without
    `number`) until `until`."""

    attachment: AttachmentRef
    until: Moment


class ContactChanged(Payload):
    """Event `account.contact_changed`: the address of a requester, null when it is erased. Not in the event log.

    `code`: to be mailed to the address; `account.confirm_contact` brings it back.
    """

    account_id: Identity
    kind: RequesterKind
    email: Email | None
    contact_version: Count
    code: Annotated[str, Text(64).rule] | None = None


class PreferencesChanged(Payload):
    """Event `account.preferences_changed`: all that a requester has set, nothing once it is erased.

    Not in the event log.
    """

    account_id: Identity
    kind: RequesterKind
    preferences_version: Ordinal
    language: Language | None = None
    notify: Notify | None = None
    quiet_hours: QuietHours | None = None


class Unblock(Payload):
    """Command `requester.unblock`, by a supervisor. `kind` is `account` unless it is said."""

    agent_id: AgentId
    account_id: Identity
    kind: RequesterKind | None = None
    reason: Sentence | None = None


class Block(Unblock):
    """Command `requester.block`, by a supervisor: until a moment, or for good."""

    reason: Sentence
    until: Moment | None = None

    def __post_init__(self) -> None:
        """It comes from outside, with any offset."""
        super().__post_init__()
        if self.until is not None:
            force_setattr(self, "until", in_utc(self.until))


class Unblocked(Payload):
    """Event `requester.unblocked`: which supervisor let a requester in again."""

    account_id: Identity
    kind: RequesterKind
    agent_id: AgentId
    at: Moment
    reason: Sentence | None = None


class Blocked(Unblocked):
    """Event `requester.blocked`: which supervisor blocked a requester, why, and until when (without it: for good)."""

    reason: Sentence
    until: Moment | None = None
