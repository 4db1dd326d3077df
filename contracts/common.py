"""Pieces that several owners' schemas are made of: numbers, names, requesters, attachments, the ticket's snapshot.

The page is docs/contracts.md.
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from contracts import languages
from contracts.decoding import has_half_character
from contracts.fields import (
    NOT_AN_OBJECT,
    Answers,
    Base64,
    Choice,
    Flag,
    Hint,
    Json,
    ListOf,
    MapOf,
    Moment,
    Text,
    Whole,
    Words,
)
from contracts.names import NAME_PATTERN
from contracts.payload import Either, Part, Payload, errors_by_field

TIERS = ("standard", "vip")
STATUSES = (
    "new",
    "assigned",
    "work_in_progress",
    "needs_reply",
    "need_more_info",
    "solution_suggested",
    "reopened",
    "closed",
)
REQUESTER_KINDS = ("account", "temporary")
CONSENTS = ("asked", "granted", "refused")
AUTHOR_KINDS = ("requester", "agent", "moderator", "service")
VISIBILITIES = ("public", "internal")

MAX_SUBJECT = 200
MAX_BODY = 20_000
MAX_TEXT = 64 * 1024
"""Characters of an entry: a duplicate's subject and body become one note."""
MAX_REASON = 2_000
MAX_ATTACHMENT = 256 * 1024
MAX_ATTACHMENTS = 10
MAX_SENT = 100
"""Attachments of one command, those that are left out among them."""
MAX_ARTICLES = 20
MAX_LINKS = 20
"""Ticket numbers in one `distinct_from`."""


def ticket_number(**more: Any) -> Text:
    """A ticket number: 8 digits, as text."""
    return Text(8, 8, pattern="[0-9]{8}", like="a ticket number of 8 digits", **more)


def identity(**more: Any) -> Text:
    """The id of an account, a ticket, an entry: text that means nothing to its reader."""
    return Text(200, **more)


def named(**more: Any) -> Words:
    """An id that a command names: as `identity`, but never blank."""
    return Words(200, **more)


def display_name(**more: Any) -> Words:
    """What a person is called, as a command says."""
    return Words(100, **more)


def category(**more: Any) -> Words:
    """The id of a category, a subcategory or a skill, as a command names it; the catalogue says which there are."""
    return Words(64, **more)


def reason(**more: Any) -> Words:
    """Why somebody wants something."""
    return Words(MAX_REASON, **more)


def agent_id(**more: Any) -> Text:
    """An agent's id; the broker user is `agent.<agent_id>`."""
    return Text(32, pattern=NAME_PATTERN, like="a name of up to 32 lower-case letters, digits and hyphens", **more)


def language(**more: Any) -> Text:
    """A language tag (BCP 47)."""
    return Text(languages.LONGEST, 2, pattern=languages.PATTERN, like="a language tag such as en or pt-BR", **more)


class NearestLanguage(Text):
    """A language as a sender's system writes it; loads as the nearest tag."""

    def __init__(self, **more: Any) -> None:
        super().__init__(200, 2, pattern=languages.READABLE, like="a language tag such as en or pt-BR", **more)

    def read(self, value: Any) -> str:
        tag = languages.nearest(super().read(value))
        assert tag is not None, "the pattern has looked"
        return tag


def nearest_language(**more: Any) -> NearestLanguage:
    """A language that a command names."""
    return NearestLanguage(**more)


def email(**more: Any) -> Text:
    """A mail address: something, @, something, without white space, control characters or list separators."""
    part = r"[^\x00-\x20\x7f@<>,;:\"()\[\]\\]+"
    return Text(254, 3, pattern=f"{part}@{part}", like="a mail address", **more)


def word(**more: Any) -> Text:
    """A word of our own vocabulary, that may grow: a kind of entry, a kind of notification."""
    return Text(40, pattern="[a-z][a-z_]*", like="a word of lower-case letters and _", **more)


def content_type(**more: Any) -> Text:
    """A media type (RFC 6838)."""
    return Text(127, 3, pattern="[ -.0-~]+/[ -~]+", like="a media type such as image/png", **more)


class Tidied(Text):
    """Text of which only what can be kept counts: half a character is passed over, not refused."""

    def read(self, value: Any) -> str:
        if type(value) is str and has_half_character(value):
            value = value.encode(errors="ignore").decode()
        return super().read(value)


def shown_name() -> Text:
    """A file's name, as a sender shows it; what may not stand in one is taken out of it."""
    return Tidied(4_096, 0)


def claimed_type() -> Text:
    """What a sender says that a file is; browsers say nothing of kinds that they do not know."""
    return Tidied(MAX_SUBJECT, 0, optional=True)


class Secret(Payload):
    """A temporary account, proven by its secret."""

    account_id = named()
    secret = Words(200)


class AccountRequester(Payload):
    """A requester that the channel has authenticated."""

    account_id = named()
    display_name = display_name()
    tier = Choice(TIERS)
    email = Hint(email())


class TemporaryRequester(Payload):
    """A requester with a temporary account."""

    temporary = Part(Secret)


class FromChannel(Payload):
    """What every command of a channel may carry. `origin`: opaque, of the browser, device or sender that it came from;
    allowances are counted by it. A hint, for older channels may send a field of that name that means something else."""

    origin = Hint(Text(200, 0))


def requester(**more: Any) -> Either:
    """Who asks: an account that the channel has authenticated, or a temporary account with its secret."""
    return Either("temporary", TemporaryRequester, AccountRequester, ("account_id",), **more)


class NamedAccount(Payload):
    """An account as the operator names it."""

    kind = Choice(REQUESTER_KINDS)
    account_id = identity()


LEFT_OUT_CODES = ("invalid", "too_large", "rate_limited")


class LeftOut(Payload):
    """A file of a command that was not taken, while the command took effect without it; `reason`: a sentence.

    `rate_limited`: from `retry_at` on it may be sent again.
    """

    name = Text(255)
    reason = Text(MAX_REASON)
    code = Choice(LEFT_OUT_CODES)
    retry_at = Moment(optional=True)


def left_out() -> ListOf:
    """The files of a command that were not taken."""
    return ListOf(Part(LeftOut), MAX_SENT, 1, optional=True)


class AttachmentContent(Payload):
    """A file in the message itself; `content` loads as bytes. It is judged by its content, and its name made safe."""

    name = shown_name()
    media_type = claimed_type()
    content = Base64(MAX_ATTACHMENT)


class AttachmentRef(Payload):
    """A file that was uploaded before, or that is kept with the ticket."""

    name = Text(255)
    media_type = content_type()
    ref = Text(200)
    sha256 = Text(64, 64, pattern="[0-9a-f]{64}", like="64 hexadecimal digits in lower case")
    size = Whole()


class AttachmentNamed(Payload):
    """A file that was uploaded before, as a command names it."""

    name = shown_name()
    media_type = claimed_type()
    ref = Text(200)
    sha256 = Text(64, 64, pattern="[0-9a-f]{64}", like="64 hexadecimal digits in lower case")
    size = Whole()


class Sent(Either):
    """A file of a command. One of the wrong form is left out, and the command goes on: it loads as its `name`, with
    `fault`, a sentence, and whether it is `too_large`."""

    def __init__(self) -> None:
        super().__init__("content", AttachmentContent, AttachmentNamed, ("ref",))

    def read(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            return {"name": "", "fault": f"It came in a wrong form ({NOT_AN_OBJECT})", "too_large": False}
        try:
            loaded = super().read(value)
        except ValidationError:
            try:  # again, for the field of each error
                loaded = super().read_all(value)
            except ValidationError as error:
                return _faulty(value, error)
        loaded.setdefault("media_type", "")
        return loaded

    def read_all(self, value: Any) -> dict[str, Any]:
        return self.read(value)

    def json_schema(self) -> Json:
        forms = [{"$ref": f"#/$defs/{type(form).__name__}"} for form in (self.marked, self.plain)]
        return {"anyOf": [*forms, {"description": "Any other is left out of the command."}]}


def _faulty(value: dict[str, Any], error: ValidationError) -> dict[str, Any]:
    name, content = value.get("name"), value.get("content")
    is_large = isinstance(content, str) and len(content) // 4 * 3 - content[-2:].count("=") > MAX_ATTACHMENT
    sentence = f"A file in a message may have {MAX_ATTACHMENT // 1024} KiB; a larger one has to be uploaded."
    if not is_large:
        faults = (f"{field}: {' '.join(said)}" for field, said in errors_by_field(error).items())
        sentence = f"It came in a wrong form ({'; '.join(faults)})."[:MAX_REASON]
    name = name.encode(errors="ignore").decode() if isinstance(name, str) else ""
    return {"name": name, "fault": sentence, "too_large": is_large}


def attachments(**more: Any) -> ListOf:
    """Files of a command, each in the message or by reference; of more than `MAX_ATTACHMENTS` the others are left
    out."""
    return ListOf(Sent(), MAX_SENT, **more)


class TicketRequester(Payload):
    """The requester as the ticket shows them: `display_name` as at filing."""

    id = identity()
    kind = Choice(REQUESTER_KINDS)
    display_name = Text(100, 0)
    tier = Choice(TIERS)


class TicketAgent(Payload):
    """The agent who has the ticket."""

    id = agent_id()
    display_name = Text(100, 0)


class Snapshot(Payload):
    """The ticket as it stands after `version`. No body, no secret, no address.

    `consent`: what became of the agent's last request to log in to the requester's account. `changed_from`: the agent
    whom the ticket was changed away from, who never gets it back by routing. `merged_into`: the ticket that goes on.
    `automatic`: a machine filed it, and no person has written to it since; `held`: many accounts filed
    the same, so no agent gets it until a supervisor releases it. Both are left out otherwise.
    `erased`: its requester had themselves erased.
    """

    id = identity()
    number = ticket_number()
    version = Whole(1)
    status = Choice(STATUSES)
    status_since = Moment()
    status_version = Whole(1)
    assignment_seq = Whole()
    contact_version = Whole()
    category = Text(64)
    subcategory = Text(64, nullable=True)
    priority = Whole(1)
    escalated = Flag()
    requester = Part(TicketRequester)
    channel = Text(32)
    subject = Text(MAX_SUBJECT)
    issue_key = Text(MAX_SUBJECT, nullable=True)
    language = language(nullable=True)
    agent = Part(TicketAgent, nullable=True)
    opened_at = Moment()
    first_agent_message_at = Moment(nullable=True)
    last_agent_message_at = Moment(nullable=True)
    last_customer_message_at = Moment(nullable=True)
    closed_at = Moment(nullable=True)
    close_reason = Text(MAX_REASON, nullable=True)
    reopen_count = Whole()
    consent = Choice(CONSENTS, optional=True, nullable=True)
    changed_from = agent_id(optional=True, nullable=True)
    merged_into = ticket_number(optional=True, nullable=True)
    automatic = Flag(optional=True)
    held = Flag(optional=True)
    erased = Flag(optional=True)


class Author(Payload):
    """Who wrote an entry."""

    kind = Choice(AUTHOR_KINDS)
    id = identity()
    display_name = Text(100, 0, nullable=True)


class Change(Payload):
    """What a field of the ticket was and is."""

    old = Text(MAX_BODY, 0, nullable=True)
    new = Text(MAX_BODY, 0, nullable=True)


class Entry(Payload):
    """One entry of a ticket's history. Attachments by reference; internal ones never go to channels.

    `fields` and `refers_to` as the requester gave them, `articles` as the agent did; `changed` by field, for an edit,
    a reclassification and a change of agent (by their ids); `granted`, the answer to a request for consent;
    `to_number`, the other ticket of a link or a merge; `left_out`, the files that came with it and
    were not taken; `automatic`: a machine wrote it, so it moved nothing.
    """

    id = identity()
    kind = word()
    author = Part(Author)
    visibility = Choice(VISIBILITIES)
    text = Text(MAX_TEXT, 0, nullable=True)
    attachments = ListOf(Part(AttachmentRef), MAX_ATTACHMENTS)
    at = Moment()
    fields = Answers(optional=True)  # type: ignore[assignment]  # the wire's name; marshmallow's is set on instances
    refers_to = ticket_number(optional=True)
    articles = ListOf(identity(), MAX_ARTICLES, optional=True)
    changed = MapOf(Part(Change), optional=True)
    granted = Flag(optional=True)
    to_number = ticket_number(optional=True)
    redacts = identity(optional=True)
    left_out = left_out()
    automatic = Flag(optional=True)


def history(**more: Any) -> ListOf:
    """Entries of a ticket's history, oldest first."""
    return ListOf(Part(Entry), 100_000, **more)
