"""The slow work before a turn: hash new secrets, verify those that came in, compare codes, store and read files.

It is done once for a turn and outside its transaction; domain/ decides what follows from it. The page is
docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pymongo.database import Database

from contracts.accounts import ConfirmContact, EraseAccount, ExportAccount, MergeAccounts, OpenTemporary
from contracts.common import Secret
from contracts.names import role_of
from services.chassis.database import Document
from services.chassis.decision import Message, Timer, carrying
from services.intake.credentials.codes import Codes, Guess
from services.intake.credentials.origins import Origins
from services.intake.credentials.secrets import NO_HASH, Claim, Secrets
from services.intake.documents import account_of
from services.intake.domain.accounts.caller import account_meant, owner_of_files, temporary_named
from services.intake.domain.attachments.rotating import KeyRotationTimer
from services.intake.domain.attachments.scanning import ScanTimer
from services.intake.domain.privacy.exporting import ExportTimer
from services.intake.domain.values.account import Account, temporary_key
from services.intake.domain.values.file import File
from services.intake.domain.values.prepared import Prepared
from services.intake.files.keeping import Sender
from services.intake.files.of_turns import FilesOfTurns, counts_files, needs_files

K = TypeVar("K")

WAITS_AT_MOST = timedelta(minutes=15)

SLOW = (OpenTemporary, ConfirmContact, EraseAccount, ExportAccount, ExportTimer, KeyRotationTimer)
"""Commands and timers for which something is hashed, compared or made before the turn."""

JOINING = (ConfirmContact, MergeAccounts)
"""Commands by which two accounts become one person."""


def needs_preparing(message: Message[Any]) -> bool:
    """Whether the message needs slow work before the turn."""
    return isinstance(message.data, SLOW) or temporary_named(message) is not None or needs_files(message)


class Preparing:
    """Does the slow work for messages or timers before they are decided."""

    def __init__(
        self, database: Database[Document], secrets: Secrets, codes: Codes, files: FilesOfTurns, origins: Origins
    ) -> None:
        self.files = files
        self._stored = database["accounts"]
        self._secrets = secrets
        self._codes = codes
        self._origins = origins
        self._waiting: dict[str, datetime] = {}
        """Since when exports wait for their archives, by message key."""

    def prepare(self, messages: Sequence[Message[Any]], now: datetime) -> tuple[Prepared, Collection[str]]:
        """What was found out, and the keys of the messages that are left for another turn."""
        timers = [message for message in messages if isinstance(message.data, Timer)]
        if timers or not messages:  # if their lease ran out, timers come without messages
            return self._of_timers(timers, now), ()
        found, put_off = self._secrets_of(messages, now)
        if any(isinstance(message.data, JOINING) for message in messages):
            # The query before the turn says which accounts are one person; these messages may change that.
            put_off |= {message.key for message in carrying(messages, EraseAccount)}
        others = [message for message in messages if message.key not in put_off]
        known = {message.key: key for message in others if (key := _known(message, found.verified)) is not None}
        found = self._with_codes(found, others, known, now)
        room = self.files.room(now)
        senders = {
            message.key: Sender(known[message.key], message.sender, self._origins.of(message))
            for message in others
            if counts_files(message) and message.key in known
        }
        put_off |= self.files.put_off(others, senders, room)
        archives = self._archives(carrying(others, ExportAccount), known, now)
        put_off |= {key for key, file in archives.items() if file is None}
        here = [message for message in others if message.key not in put_off]
        found = self.files.prepare(found, here, senders, room, now)
        ready = {key: file for key, file in archives.items() if file is not None}
        return replace(found, archives=ready), put_off

    def _of_timers(self, timers: Sequence[Message[Any]], now: datetime) -> Prepared:
        self.files.make_archives(carrying(timers, ExportTimer), now)
        return Prepared(
            verdicts=self.files.scan(carrying(timers, ScanTimer)),
            rewrapped=self.files.rewrap(carrying(timers, KeyRotationTimer)),
        )

    def _archives(
        self, messages: Sequence[Message[ExportAccount]], known: Mapping[str, str], now: datetime
    ) -> dict[str, File | None]:
        """The archives that these may have. None: it is being made, and they wait, but not forever: after half an hour
        the broker takes a message away from its consumer."""
        asked: dict[str, File | None] = {}
        # They went back to their queue, and another instance answered them.
        self._waiting = {key: since for key, since in self._waiting.items() if now - since < 2 * WAITS_AT_MOST}
        for message in messages:
            account = message.data.account if role_of(message.sender) == "operator" else None
            key = known.get(message.key) if account is None else account_meant(account)
            if key is None:
                continue
            file = self.files.archive(key, now)
            since = self._waiting.setdefault(message.key, now)
            if file is None and now - since < WAITS_AT_MOST:
                asked[message.key] = None
                continue
            del self._waiting[message.key]
            if file is not None:
                asked[message.key] = file
        return asked

    def _secrets_of(self, messages: Sequence[Message[Any]], now: datetime) -> tuple[Prepared, set[str]]:
        """What became of secrets, and the keys of the messages that are left for another turn."""
        opening = {message.key: (message.sender, message.id) for message in carrying(messages, OpenTemporary)}
        hashed = self._secrets.hashed(
            opening, {message.key: self._origins.of(message) for message in messages if message.key in opening}
        )
        given = [(message, temporary) for message in messages if (temporary := temporary_named(message)) is not None]
        accounts = self._accounts({temporary_key(temporary.account_id) for _, temporary in given})
        checked = self._secrets.checked(
            Claim(
                temporary.account_id,
                temporary.secret,
                _hash(accounts, temporary),
                message.sender,
                self._origins.of(message),
            )
            for message, temporary in given
        )
        later = {message.key for message, its in given if (its.account_id, its.secret) in checked.put_off}
        found = Prepared(
            verified=checked.right,
            try_again_at=_moments(checked.not_looked_at, now),
            secret_hashes=hashed.hashes,
            open_again_at=_moments(hashed.refused, now),
        )
        return found, later | hashed.put_off

    def _with_codes(
        self, found: Prepared, messages: Sequence[Message[Any]], known: Mapping[str, str], now: datetime
    ) -> Prepared:
        """Check the codes of accounts whose requesters are `known` (by message key)."""
        coming = [message for message in carrying(messages, ConfirmContact) if message.key in known]
        codes = {message.key: message.data.code for message in coming if message.data.code is not None}
        confirming = [message for message in coming if message.key in codes]
        accounts = self._accounts({known[message.key] for message in confirming})
        right, refused = self._codes.checked(
            Guess(account.key, account.contact_version, codes[message.key], account.mailbox, self._origins.of(message))
            for message in confirming
            if (account := accounts.get(known[message.key])) is not None and account.mailbox is not None
        )
        right_codes = frozenset((guess.account, guess.contact_version, guess.code) for guess in right)
        return replace(found, right_codes=right_codes, codes_again_at=_moments(refused, now))

    def _accounts(self, keys: Collection[str]) -> dict[str, Account]:
        rows = self._stored.find({"_id": {"$in": list(keys)}}) if keys else ()
        return {account.key: account for account in map(account_of, rows)}


def _known(message: Message[Any], verified: Collection[tuple[str, str]]) -> str | None:
    """The account or the agent that sends it, if that is certain."""
    its = temporary_named(message)
    if its is not None and (its.account_id, its.secret) not in verified:
        return None
    return owner_of_files(message)


def _hash(accounts: Mapping[str, Account], temporary: Secret) -> str:
    account = accounts.get(temporary_key(temporary.account_id))
    return NO_HASH if account is None else account.secret_hash or NO_HASH


def _moments(seconds: Mapping[K, float], now: datetime) -> dict[K, datetime]:
    return {key: now + timedelta(seconds=wait) for key, wait in seconds.items()}
