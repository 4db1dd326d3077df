"""What the client raises: each error is one sentence for a person. The page is docs/client.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class ClientError(Exception):
    """An error for the caller; the message is a sentence."""


class Unreachable(ClientError):
    """The broker cannot be reached, refuses the login, or has no queue of that name."""


class NobodyAnswers(Unreachable):
    """There is no broker at this address, or it does not answer."""


class LoginRefused(Unreachable):
    """The broker does not let this user in with this password."""


class BrokerBlocked(ClientError):
    """The broker takes no messages, because of a disk or memory alarm."""


class NotTaken(ClientError):
    """The broker refused the message `id`, or no queue took it: it has no effect."""

    def __init__(self, id_: str, type_: str, why: str) -> None:
        super().__init__(f"{type_} was not taken: {why}.")
        self.id, self.why = id_, why


class Unroutable(NotTaken):
    """No queue takes the message `id`: nobody is there to answer it."""

    def __init__(self, id_: str, type_: str) -> None:
        super().__init__(id_, type_, "no queue takes it")


class Unanswered(ClientError, TimeoutError):
    """No outcome of the command `id` came in time. It may still have an effect: send it again under the same id."""

    def __init__(self, id_: str, type_: str, within: float) -> None:
        super().__init__(f"{type_} has had no outcome for {within:g} s.")
        self.id = id_


class CommandRejected(ClientError):
    """The desk refused the command; `code` and `errors` (sentences by field) are those of `command.rejected`."""

    def __init__(self, code: str, message: str, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(message)
        self.code, self.errors = code, errors


class UnexpectedOutcome(ClientError):
    """The desk took the command, and answered something other than the caller expects."""
