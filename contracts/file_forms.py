"""Files in messages: as commands bring them, as tickets name them, and those that were left out.

The page is docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from marshmallow import ValidationError
from msgspec import Meta

from contracts.common import MAX_REASON, MAX_SUBJECT, Identity, Sentence
from contracts.decoding import has_half_character
from contracts.fields import NOT_AN_OBJECT, Base64, Count, Json, Moment, Text
from contracts.payload import Alternatives, Either, Payload, errors_by_field, kept

MAX_ATTACHMENT = 256 * 1024
MAX_ATTACHMENTS = 10
MAX_SENT = 100
"""Attachments of one command, including those that are left out."""

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
