"""Pieces that the messages of several owners share: numbers, names, requesters, attachments, the ticket's snapshot.

The page is docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from marshmallow import ValidationError
from msgspec import Meta

from contracts import languages
from contracts.decoding import has_half_character
from contracts.fields import NOT_AN_OBJECT, Answers, Base64, Count, Errors, Hint, Id, Json, Moment, Ordinal, Text, Words
from contracts.names import NAME_PATTERN
from contracts.payload import Alternatives, Either, Payload, errors_by_field, kept
from contracts.statuses import Status

Tier = Literal["standard", "vip"]
RequesterKind = Literal["account", "temporary"]
Consent = Literal["asked", "granted", "refused"]
AuthorKind = Literal["requester", "agent", "moderator", "service"]
Visibility = Literal["public", "internal"]


MAX_SUBJECT = 200
MAX_BODY = 20_000
MAX_TEXT = 64 * 1024
"""Characters of an entry: a duplicate's subject and body become one note."""
MAX_REASON = 2_000
MAX_ATTACHMENT = 256 * 1024
MAX_ATTACHMENTS = 10
MAX_SENT = 100
"""Attachments of one command, including those that are left out."""
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

Word = Annotated[str, Text(40, pattern="[a-z][a-z_]*", like="a word of lower-case letters and _").rule]
"""A word of our own vocabulary, which may grow: a kind of entry, a kind of notification."""

MediaType = Annotated[str, Text(127, 3, pattern="[ -.0-~]+/[ -~]+", like="a media type such as image/png").rule]
"""A media type (RFC 6838)."""

Sha256 = Annotated[str, Text(64, 64, pattern="[0-9a-f]{64}", like="64 hexadecimal digits in lower case").rule]


class _Tidied(Text):
    """Text in which half a character is dropped, not refused."""

    def read(self, value: Any) -> str:
        if type(value) is str and has_half_character(value):
            value = value.encode(errors="ignore").decode()
        return super().read(value)


FileName = Annotated[str, _Tidied(4_096, 0).rule]
"""A file's name as its sender wrote it; the desk removes what a name must not contain."""

ClaimedType = Annotated[str, _Tidied(MAX_SUBJECT, 0).rule]
"""The media type that a sender states; browsers leave it empty for unknown kinds."""

Content = Annotated[bytes, Base64(MAX_ATTACHMENT).rule]
"""A file, or a part of one."""


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


class Outcome(Payload):
    """An outcome. `hints`: which parts of the command have no effect now or were ignored, sentences by field."""

    hints: Errors | None = None


class LeftOut(Payload):
    """A file that was left out of a command, which took effect without it. `reason`: a sentence.

    `rate_limited`: the sender may send it again from `retry_at` on.
    """

    name: Annotated[str, Text(255).rule]
    reason: Sentence
    code: Literal["invalid", "too_large", "rate_limited"]
    retry_at: Moment | None = None


FilesLeftOut = Annotated[Sequence[LeftOut], Meta(min_length=1, max_length=MAX_SENT)]
"""The files that were left out of a command."""


class FileForms(Alternatives):
    """A file of a command: in the message, by reference, or in a wrong form."""

    __slots__ = ()


class AttachmentContent(Payload, FileForms):
    """A file in the message itself; `content` loads as bytes. Intake checks the content, and makes the name safe."""

    name: FileName
    media_type: ClaimedType = kept("")
    content: Content


class AttachmentRef(Payload):
    """A file that was uploaded before, or that the ticket has."""

    name: Annotated[str, Text(255).rule]
    media_type: MediaType
    ref: Identity
    sha256: Sha256
    size: Count


class AttachmentNamed(Payload, FileForms):
    """A file that was uploaded before, in a command."""

    name: FileName
    media_type: ClaimedType = kept("")
    ref: Identity
    sha256: Sha256
    size: Count


class Unusable(Payload, FileForms):
    """A file in a wrong form, which is left out. `fault`: a sentence."""

    name: str
    fault: str
    too_large: bool = kept(False)


class _Sent(Either):
    """A file of a command. A file in a wrong form is left out, and the command takes effect without it."""

    def read(self, value: Any) -> Payload:
        if not isinstance(value, dict):
            return Unusable(name="", fault=f"It is malformed ({NOT_AN_OBJECT})")
        try:
            return super().read(value)
        except ValidationError as error:
            return _unusable(value, error)

    def json_schema(self) -> Json:
        forms = [{"$ref": f"#/$defs/{each.form.__name__}"} for each in (self.marked, self.plain)]
        return {"anyOf": [*forms, {"description": "A file in any other form is left out of the command."}]}


FileForms.either = _Sent("content", AttachmentContent, AttachmentNamed, ("ref",))

if TYPE_CHECKING:
    Sent = AttachmentContent | AttachmentNamed | Unusable
else:
    Sent = FileForms


def _unusable(value: Mapping[str, Any], error: ValidationError) -> Unusable:
    name, content = value.get("name"), value.get("content")
    is_large = isinstance(content, str) and len(content) // 4 * 3 - content[-2:].count("=") > MAX_ATTACHMENT
    sentence = f"A file in a message may have up to {MAX_ATTACHMENT // 1024} KiB. Upload larger files in parts."
    if not is_large:
        faults = (f"{field}: {' '.join(said)}" for field, said in errors_by_field(error).items())
        sentence = f"It is malformed ({'; '.join(faults)})."[:MAX_REASON]
    name = name.encode(errors="ignore").decode() if isinstance(name, str) else ""
    return Unusable(name=name, fault=sentence, too_large=is_large)


Attachments = Annotated[Sequence[Sent], Meta(max_length=MAX_SENT)]
"""Files of a command, each in the message or by reference. Those beyond `MAX_ATTACHMENTS` are left out."""


class TicketRequester(Payload):
    """The requester in a ticket; `display_name` as it was at filing."""

    id: Identity
    kind: RequesterKind
    display_name: ShownName
    tier: Tier

    @property
    def account(self) -> str:
        """The key of their account: `account:<id>` or `temporary:<id>`."""
        return f"{self.kind}:{self.id}"


class TicketAgent(Payload):
    """The agent who has the ticket."""

    id: AgentId
    display_name: ShownName


class Snapshot(Payload):
    """The ticket as it stands after `version`. No body, no secret, no address.

    `consent`: the answer to the agent's last request to log in to the requester's account. `changed_from`: the agent
    whom the ticket was changed away from; routing never gives it back to them. `merged_into`: the ticket that goes on.
    `automatic`: a machine filed it, and no person has written to it since. `held`: it is part of a burst, so no agent
    gets it until a supervisor releases it. Both are left out otherwise. `erased`: its requester was erased.
    """

    id: Identity
    number: TicketNumber
    version: Ordinal
    status: Status
    status_since: Moment
    status_version: Ordinal
    assignment_seq: Count
    contact_version: Count
    category: KnownCategory
    subcategory: KnownCategory | None
    priority: Ordinal
    escalated: bool
    requester: TicketRequester
    channel: Annotated[str, Text(32).rule]
    subject: Annotated[str, Text(MAX_SUBJECT).rule]
    issue_key: Annotated[str, Text(MAX_SUBJECT).rule] | None
    language: Language | None
    agent: TicketAgent | None
    opened_at: Moment
    first_agent_message_at: Moment | None
    last_agent_message_at: Moment | None
    last_customer_message_at: Moment | None
    closed_at: Moment | None
    close_reason: Sentence | None
    reopen_count: Count
    consent: Consent | None = kept()
    changed_from: AgentId | None = kept()
    merged_into: TicketNumber | None = kept()
    automatic: bool = False
    held: bool = False
    erased: bool = False


class Author(Payload):
    """Who wrote an entry."""

    kind: AuthorKind
    id: Identity
    display_name: ShownName | None


class Change(Payload):
    """The old and the new value of a field of the ticket."""

    old: Annotated[str, Text(MAX_BODY, 0).rule] | None
    new: Annotated[str, Text(MAX_BODY, 0).rule] | None


class EntryDetails(Payload):
    """The details of an entry, besides its text and its files.

    `fields` and `refers_to` as the requester gave them, `articles` as the agent did; `changed` by field, for an edit,
    a reclassification and a change of agent (by their ids); `granted`, the answer to a request for consent;
    `to_number`, the other ticket of a link or a merge; `redacts`, the entry that was redacted; `left_out`, the files
    that came with it and were left out; `automatic`: a machine wrote it, so it moved nothing.
    """

    fields: Answers | None = None
    refers_to: TicketNumber | None = None
    articles: Annotated[Sequence[Identity], Meta(max_length=MAX_ARTICLES)] = ()
    changed: Annotated[Mapping[Id, Change], Meta(max_length=50)] | None = None
    granted: bool | None = None
    to_number: TicketNumber | None = None
    redacts: Identity | None = None
    left_out: FilesLeftOut = ()
    automatic: bool = False


class Entry(EntryDetails):
    """One entry of a ticket's history, with attachments by reference. Internal entries never go to channels."""

    id: Identity
    kind: Word
    author: Author
    visibility: Visibility
    text: Annotated[str, Text(MAX_TEXT, 0).rule] | None
    attachments: Annotated[Sequence[AttachmentRef], Meta(max_length=MAX_ATTACHMENTS)]
    at: Moment


History = Annotated[Sequence[Entry], Meta(max_length=100_000)]
"""Entries of a ticket's history, oldest first."""
