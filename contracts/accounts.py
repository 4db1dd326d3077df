"""Accounts: what channels ask about them, what is answered and announced. Owner: intake.

The page is docs/contracts.md.
"""

from __future__ import annotations

from contracts import common
from contracts.fields import Choice, Flag, MapOf, Moment, Text, Whole, Words
from contracts.payload import Part, Payload


class OpenTemporary(common.FromChannel):
    """Command `account.open_temporary`: an account for a person who has none, or has lost it."""

    display_name = common.display_name(optional=True)
    contact_email = common.email(optional=True)


class ConfirmContact(common.FromChannel):
    """Command `account.confirm_contact`: the code that was mailed to the account's address; without it, the code is
    mailed there (again)."""

    requester = common.requester()
    code = Words(64, optional=True)


class QuietHours(Payload):
    """From when to when nothing is sent, by the wall clock of a time zone; may cross midnight."""

    starts = Text(5, 5, pattern="([01][0-9]|2[0-3]):[0-5][0-9]", like="a time of day such as 22:30")
    ends = Text(5, 5, pattern="([01][0-9]|2[0-3]):[0-5][0-9]", like="a time of day such as 07:00")
    time_zone = Text(64)


class SetPreferences(common.FromChannel):
    """Command `account.set_preferences`: `notify` says by kind of notification and channel whether it is wanted."""

    requester = common.requester()
    language = common.nearest_language(optional=True)
    notify = MapOf(MapOf(Flag()), optional=True)
    quiet_hours = Part(QuietHours, optional=True)


class MergeAccounts(common.FromChannel):
    """Command `account.merge`: the temporary account's tickets go to the real one."""

    requester = common.requester()
    temporary = Part(common.Secret)


class ExportAccount(common.FromChannel):
    """Command `account.export`: a copy of all that is kept of an account. A channel brings the `requester`,
    the operator names the `account`."""

    one_of = ("requester", "account")

    requester = common.requester(optional=True)
    account = Part(common.NamedAccount, optional=True)


class EraseAccount(common.FromChannel):
    """Command `account.erase`: names, addresses and preferences go; with `content` words and files too. A channel
    brings the `requester`, the operator names the `account`."""

    one_of = ("requester", "account")

    requester = common.requester(optional=True)
    account = Part(common.NamedAccount, optional=True)
    content = Flag(optional=True)


class TemporaryOpenedOutcome(Payload):
    """Outcome `account.temporary_opened`: the secret, shown this once.

    `code_at`: no code was mailed to the address, because one was a moment ago; from then on it may be asked for.
    """

    account_id = common.identity()
    secret = Text(200)
    expires_at = Moment()
    code_at = Moment(optional=True)


class TemporaryOpened(Payload):
    """Event `account.temporary_opened`; no secret, no address."""

    account_id = common.identity()
    expires_at = Moment()


class TemporaryExpired(Payload):
    """Event `account.temporary_expired`: what identifies the person is erased."""

    account_id = common.identity()


class AccountErased(Payload):
    """Event `account.erased`: whoever keeps something of this account forgets it; with `content` also what was written
    and sent. Tickets that the account had filed by then are announced without it one by one."""

    account_id = common.identity()
    kind = Choice(common.REQUESTER_KINDS)
    content = Flag()
    at = Moment()


class Exported(Payload):
    """Outcome `account.exported`: the archive, which the same account downloads (`attachment.download` without
    `number`) until `until`."""

    attachment = Part(common.AttachmentRef)
    until = Moment()


class ContactChanged(Payload):
    """Event `account.contact_changed`: the address of a requester, null when it is erased. Not in the event log.

    `code`: to be mailed to the address; `account.confirm_contact` brings it back.
    """

    account_id = common.identity()
    kind = Choice(common.REQUESTER_KINDS)
    email = common.email(nullable=True)
    contact_version = Whole()
    code = Text(64, optional=True)


class PreferencesChanged(Payload):
    """Event `account.preferences_changed`: all that a requester has set, nothing once it is erased.

    Not in the event log.
    """

    account_id = common.identity()
    kind = Choice(common.REQUESTER_KINDS)
    preferences_version = Whole(1)
    language = common.language(optional=True)
    notify = MapOf(MapOf(Flag()), optional=True)
    quiet_hours = Part(QuietHours, optional=True)


class Unblock(Payload):
    """Command `requester.unblock`, by a supervisor. `kind` is `account` unless it is said."""

    agent_id = common.agent_id()
    account_id = common.identity()
    kind = Choice(common.REQUESTER_KINDS, optional=True)
    reason = Text(common.MAX_REASON, optional=True)


class Block(Unblock):
    """Command `requester.block`, by a supervisor: until a moment, or for good."""

    reason = Text(common.MAX_REASON)
    until = Moment(optional=True)


class Unblocked(Payload):
    """Event `requester.unblocked`: which supervisor let a requester in again."""

    account_id = common.identity()
    kind = Choice(common.REQUESTER_KINDS)
    agent_id = common.agent_id()
    at = Moment()
    reason = Text(common.MAX_REASON, optional=True)


class Blocked(Unblocked):
    """Event `requester.blocked`: which supervisor blocked a requester, why, and until when (without it: for good)."""

    reason = Text(common.MAX_REASON)
    until = Moment(optional=True)
