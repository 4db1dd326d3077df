"""Accounts: commands about them, their outcomes and events. Owner: intake.

The page is docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import Meta
from msgspec.structs import force_setattr

from contracts.common import (
    AgentId,
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
    ShownName,
)
from contracts.envelope import in_utc
from contracts.fields import Count, Id, Moment, Ordinal, Text, Words
from contracts.file_forms import AttachmentRef
from contracts.payload import Payload

Notify = Annotated[Mapping[Id, Annotated[Mapping[Id, bool], Meta(max_length=50)]], Meta(max_length=50)]
"""Whether it is wanted, by kind of notification and channel."""

TimeOfDay = Annotated[str, Text(5, 5, pattern="([01][0-9]|2[0-3]):[0-5][0-9]", like="a time of day such as 22:30").rule]


class OpenTemporary(FromChannel):
    """Command `account.open_temporary`: an account for a person without one."""

    display_name: DisplayName | None = None
    contact_email: Email | None = None


class ConfirmContact(FromChannel):
    """Command `account.confirm_contact`: the code that was mailed to the account's address. Without it, intake mails
    the code (again)."""

    requester: Requester
    code: Annotated[str, Words(64).rule] | None = None


class QuietHours(Payload):
    """The hours without mail, by the wall clock of a time zone; may cross midnight."""

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
    """Command `account.merge`: the temporary account's tickets move to the real account."""

    requester: Requester
    temporary: Secret


class ExportAccount(FromChannel):
    """Command `account.export`: a copy of everything that the desk keeps of an account. A channel sends `requester`,
    the operator `account`."""

    one_of = ("requester", "account")

    requester: Requester | None = None
    account: NamedAccount | None = None


class EraseAccount(FromChannel):
    """Command `account.erase`: names, addresses and preferences go; with `content` also words and files. A channel
    sends `requester`, the operator `account`."""

    one_of = ("requester", "account")

    requester: Requester | None = None
    account: NamedAccount | None = None
    content: bool = False


class ViewAccount(FromChannel):
    """Question `account.view`: what the desk keeps about an account, beside its tickets."""

    requester: Requester


class AccountViewed(Payload):
    """Outcome `account.viewed`, for the account's owner.

    `person`: the account under which the desk counts all accounts of the same person; `ticket.changed` names it.
    `confirmed`: whether the contact address is confirmed. (Whether a code was mailed there it does not say: that would
    tell whether somebody else has the address.) The rest is what `account.set_preferences` brought last.
    """

    account: NamedAccount
    person: NamedAccount
    display_name: ShownName
    contact_email: Email | None = None
    confirmed: bool = False
    language: Language | None = None
    notify: Notify | None = None
    quiet_hours: QuietHours | None = None


MAX_SWEPT = 500
"""Erasures in one command."""


class ConfirmSwept(Payload):
    """Command `erasures.confirm_swept`, from the operator: no dead letter holds anything of these erasures (ids) any
    more. `hints` of the outcome name erasures that intake does not know, or has not finished."""

    erasures: Annotated[Sequence[Identity], Meta(min_length=1, max_length=MAX_SWEPT)]


class TemporaryOpenedOutcome(Payload):
    """Outcome `account.temporary_opened`: the secret, shown only this once.

    `code_at`: intake mailed no code to the address, because it mailed one shortly before; from then on the requester
    may ask for it.
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
    """Event `account.temporary_expired`: intake has erased what identifies the person."""

    account_id: Identity


class AccountErased(Payload):
    """Event `account.erased`: whoever keeps something of this account deletes it; with `content` also words and files.
    Intake announces each ticket that the account had filed by then, without the person."""

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
    """Event `account.preferences_changed`: all preferences of a requester; empty once they are erased.

    Not in the event log.
    """

    account_id: Identity
    kind: RequesterKind
    preferences_version: Ordinal
    language: Language | None = None
    notify: Notify | None = None
    quiet_hours: QuietHours | None = None


class Unblock(Payload):
    """Command `requester.unblock`, by a supervisor. The default of `kind` is `account`."""

    agent_id: AgentId
    account_id: Identity
    kind: RequesterKind | None = None
    reason: Sentence | None = None


class Block(Unblock):
    """Command `requester.block`, by a supervisor: until a moment, or for good."""

    reason: Sentence
    until: Moment | None = None

    def __post_init__(self) -> None:
        """Outsiders send it with any offset."""
        super().__post_init__()
        if self.until is not None:
            force_setattr(self, "until", in_utc(self.until))


class Unblocked(Payload):
    """Event `requester.unblocked`: which supervisor ended a block."""

    account_id: Identity
    kind: RequesterKind
    agent_id: AgentId
    at: Moment
    reason: Sentence | None = None


class Blocked(Unblocked):
    """Event `requester.blocked`: which supervisor blocked a requester, why, and until when (without it: for good)."""

    reason: Sentence
    until: Moment | None = None
