"""Pieces that the messages of several owners share: numbers, names, texts, requesters.

The page is docs/contracts.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from contracts import languages
from contracts.fields import Hint, Text, Words
from contracts.names import NAME_PATTERN
from contracts.payload import Alternatives, Either, Payload

Tier = Literal["standard", "vip"]
RequesterKind = Literal["account", "temporary"]
Audience = Literal["public", "internal"]
"""Who may read an article: everybody, or staff alone."""


MAX_SUBJECT = 200
MAX_BODY = 20_000
MAX_REASON = 2_000
MAX_ARTICLES = 20
MAX_LINKS = 20
"""Ticket numbers in one `distinct_from`."""

TicketNumber = Annotated[str, Text(8, 8, pattern="[0-9]{8}", like="a ticket number of 8 digits").rule]
"""A ticket number: 8 digits, as text."""

Identity = Annotated[str, Text(200).rule]
"""The id of an account, a ticket, an entry: text that means nothing to its reader."""

Named = Annotated[str, Words(200).rule]
"""An id in a command: like `Identity`, but never blank."""

DisplayName = Annotated[str, Words(100).rule]
"""A person's name in a command."""

ShownName = Annotated[str, Text(100, 0).rule]
"""A person's name in a message of the desk."""

Category = Annotated[str, Words(64).rule]
"""The id of a category, a subcategory or a skill, in a command; the catalogue says which ids exist."""

KnownCategory = Annotated[str, Text(64).rule]
"""The id of a category, a subcategory or a skill, in a message of the desk."""

Reason = Annotated[str, Words(MAX_REASON).rule]
"""Why somebody wants something."""

Sentence = Annotated[str, Text(MAX_REASON).rule]
"""A sentence for people to read."""

Subject = Annotated[str, Words(MAX_SUBJECT).rule]
Body = Annotated[str, Words(MAX_BODY).rule]

AgentId = Annotated[
    str,
    Text(32, pattern=NAME_PATTERN, like="a name of up to 32 lower-case letters, digits and hyphens").rule,
]
"""An agent's id; the broker user is `agent.<agent_id>`."""

_TAG = "a language tag such as en or pt-BR"
Language = Annotated[str, Text(languages.LONGEST, 2, pattern=languages.PATTERN, like=_TAG).rule]
"""A language tag (BCP 47)."""


class _Nearest(Text):
    """A language in any system's notation; loads as the nearest tag."""

    def __init__(self) -> None:
        super().__init__(200, 2, pattern=languages.READABLE, like=_TAG)

    def read(self, value: Any) -> str:
        tag = languages.nearest(super().read(value))
        assert tag is not None, "the pattern has looked"
        return tag

    def limits(self) -> dict[str, Any]:
        return {"pattern": f"^(?:{languages.PLAIN})(?![\\s\\S])"}


NearestLanguage = Annotated[str, _Nearest().rule]
"""A language in a command."""

_AT = r'[^\x00-\x20\x7f@<>,;:"()\[\]\\]+'
_EMAIL = Text(254, 3, pattern=f"{_AT}@{_AT}", like="a mail address")
Email = Annotated[str, _EMAIL.rule]
"""A mail address: something, @, something, without white space, control characters or list separators."""

LanguageHint = Annotated[str, Hint(_Nearest()).rule]
EmailHint = Annotated[str, Hint(_EMAIL).rule]
OriginHint = Annotated[str, Hint(Text(200, 0)).rule]
DraftHint = Annotated[str, Hint(Words(200)).rule]

Word = Annotated[str, Text(40, pattern="[a-z][a-z_]*", like="a word of lower-case letters and _").rule]
"""A word of our own vocabulary, which may grow: a kind of entry, a kind of notification."""


Draft = Annotated[str, Words(200).rule]
"""The id of a form, as the channel knows it: it tells what was opened from its suggestions, and whether it was sent."""


class Secret(Payload):
    """A temporary account, proven by its secret."""

    account_id: Named
    secret: Named


class RequesterForms(Alternatives):
    """Who asks: an account that the channel has authenticated, or a temporary account with its secret."""

    __slots__ = ()


class AccountRequester(Payload, RequesterForms):
    """A requester that the channel has authenticated."""

    account_id: Named
    display_name: DisplayName
    tier: Tier
    email: EmailHint | None = None


class TemporaryRequester(Payload, RequesterForms):
    """A requester with a temporary account."""

    temporary: Secret


RequesterForms.either = Either("temporary", TemporaryRequester, AccountRequester, ("account_id",))

if TYPE_CHECKING:
    Requester = AccountRequester | TemporaryRequester
else:
    Requester = RequesterForms


class FromChannel(Payload):
    """What every command of a channel may carry. `origin`: opaque text for the browser, device or sender that the
    command came from; allowances count by it. A hint, because older channels may use the name for something else."""

    origin: OriginHint | None = None


class NamedAccount(Payload):
    """An account that the operator names."""

    kind: RequesterKind
    account_id: Identity
