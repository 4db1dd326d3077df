"""The acts about a lost account: its owner opens two temporary ones, which become one person with one ticket, and then
gets the account back. The page is docs/cli.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.accounts import ConfirmContact, MergeAccounts, OpenTemporary, TemporaryOpenedOutcome
from contracts.common import AccountRequester, Secret, TemporaryRequester
from contracts.tickets import ViewTicket

from .people import expect, wait_until
from .stage import Stage

LEE = AccountRequester(account_id="lee", display_name="Lee", tier="standard")
LEES_ADDRESS = "lee@customers.example"


@dataclass(frozen=True)
class Accounts:
    """Two temporary accounts with one address, as commands name them, the tickets filed from each, and the first
    account's code."""

    first: TemporaryRequester
    second: TemporaryRequester
    older: str
    newer: str
    code: str


class LostAccount:
    """The acts, in order; the second needs a clock that is set ahead."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._web, self._say = stage, stage.web, stage.say

    def is_lost(self) -> Accounts:
        """Two accounts for a person without one: for now, only one code is mailed to their address."""
        first, opened = self._temporary_account("Lee")
        expect(opened.code_at, None, "when a code may be asked for, where one was mailed,")
        code = self._mailed_code(besides=set())
        second, opened = self._temporary_account("Lee, from another computer")
        expect(opened.code_at is not None, True, "that no second code was mailed at once")
        self._web.refused("account.confirm_contact", ConfirmContact(requester=second), "rate_limited")
        older, newer = (
            self._stage.file(account, "I cannot get in any more", "account-access") for account in (first, second)
        )
        self._web.say("account.confirm_contact", ConfirmContact(requester=first, code=code))
        self._say(
            "Lee, who has lost an account, files from two temporary ones, and confirms the address of the first by the "
            f"mailed code; the second gets none yet, so there are two tickets, {older} and {newer}"
        )
        return Accounts(first, second, older, newer, code)

    def asks_for_the_code(self, accounts: Accounts) -> None:
        """The other account confirms the address too; then Lee has a real account again."""
        self._web.say("account.confirm_contact", ConfirmContact(requester=accounts.second))
        code = self._mailed_code(besides={accounts.code})
        self._web.say("account.confirm_contact", ConfirmContact(requester=accounts.second, code=code))
        seen = self._stage.seen(accounts.second, accounts.newer).ticket
        expect(seen.merged_into, accounts.older, "the ticket into which the newer one was merged")
        self._web.say("account.merge", MergeAccounts(requester=LEE, temporary=accounts.first.temporary))
        self._stage.seen(LEE, accounts.older)
        self._web.refused("ticket.view", ViewTicket(requester=accounts.first, number=accounts.older), "unauthenticated")
        self._say(
            "Lee asks for the code of the second account and confirms it: both are one person with one ticket, "
            f"{accounts.older}; it comes along into Lee's own account"
        )

    def _temporary_account(self, name: str) -> tuple[TemporaryRequester, TemporaryOpenedOutcome]:
        """A temporary account with Lee's address, as a command names it, and the answer."""
        opening = OpenTemporary(display_name=name, contact_email=LEES_ADDRESS)
        opened = self._web.ask("account.open_temporary", opening, TemporaryOpenedOutcome)
        return TemporaryRequester(temporary=Secret(account_id=opened.account_id, secret=opened.secret)), opened

    def _mailed_code(self, besides: set[str]) -> str:
        """The code that was mailed to Lee besides these, once it is there."""
        wait_until(lambda: bool(set(self._codes()) - besides), "no code was mailed", self._stage.subjects)
        (code,) = set(self._codes()) - besides
        return code

    def _codes(self) -> list[str]:
        """Those that were mailed to Lee, each on a line of its own."""
        texts = [mail.get_content() for mail in self._stage.mails() if mail["To"] == LEES_ADDRESS]
        return [line for text in texts for line in text.splitlines() if len(line) == 8 and line.isdigit()]
