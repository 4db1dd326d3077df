"""The outcomes that every service gives.

The page is docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from contracts.common import AgentId, Audience, Identity, KnownCategory, Language, Sentence
from contracts.fields import Errors, Moment, Ordinal
from contracts.file_forms import FilesLeftOut
from contracts.payload import Payload
from contracts.snapshot import Snapshot

Code = Literal[
    "invalid",
    "unauthenticated",
    "forbidden",
    "unknown_ticket",
    "unknown_category",
    "unknown_article",
    "conflict",
    "wrong_status",
    "closed_too_long",
    "too_early",
    "unsupported",
    "too_large",
    "rate_limited",
]
"""Why a command is refused. docs/contracts.md says what each means."""


MAX_LANGUAGES = 50

Languages = Annotated[Sequence[Language], Meta(max_length=MAX_LANGUAGES)]


class Outcome(Payload):
    """An outcome. `hints`: which parts of the command have no effect now or were ignored, sentences by field."""

    hints: Errors | None = None


class ArticleState(Payload):
    """An article as it stands after an editor's command. `drafts` and `published`: languages."""

    id: Identity
    version: Ordinal
    category: KnownCategory
    audience: Audience
    drafts: Languages
    published: Languages
    changed_by: AgentId | None = None
    changed_at: Moment


class Accepted(Outcome):
    """Outcome `command.accepted`, with the ticket or the article if the command was about one. `left_out`: files that
    were left out of the command."""

    ticket: Snapshot | None = None
    article: ArticleState | None = None
    left_out: FilesLeftOut = ()


class Rejected(Payload):
    """Outcome `command.rejected`.

    `message` is a sentence for a person. A `conflict` has the current `ticket` if the sender may see it, or the
    `article`.
    """

    code: Code
    message: Sentence
    errors: Errors
    eligible_at: Moment | None = None
    retry_at: Moment | None = None
    ticket: Snapshot | None = None
    article: ArticleState | None = None
