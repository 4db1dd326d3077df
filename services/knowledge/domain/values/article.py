"""An article, its texts and its versions, and what of it is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Literal

from contracts.common import Audience
from contracts.values import dataclass
from services.knowledge.domain.values.file import File

State = Literal["draft", "published", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Text:
    """What an editor wrote of an article in one language. `summary` empty: the first sentences of the body.

    `related` belongs to the text in the article's own language, and holds for the article once that is published.
    """

    title: str
    body: str
    summary: str = ""
    keywords: Sequence[str] = ()
    related: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One change of an article: what was done, by whom, when. It is written once and never changed.

    `by`: the editor's agent id; None: the operator. `text`: what was written, if it was. `restores`: the version whose
    text it took.
    """

    article: str
    version: int
    what: str
    at: datetime
    by: str | None = None
    display_name: str | None = None
    language: str | None = None
    text: Text | None = None
    restores: int | None = None
    reason: str | None = None
    title: str | None = None

    @property
    def key(self) -> str:
        """Its id in the database."""
        return version_key(self.article, self.version)


@dataclass(frozen=True, slots=True)
class Article:
    """An article as it stands. `drafts` and `live` map languages to the version that wrote the text; a language may be
    in both. `first` says when a language was first published.

    `told` and `told_public`: when staff, and when everybody, last saw a change of it. None: never.
    """

    id: str
    version: int
    category: str
    audience: Audience
    language: str
    changed_at: datetime
    changed_by: str | None = None
    changed_name: str | None = None
    drafts: Mapping[str, int] = field(default_factory=dict)
    live: Mapping[str, int] = field(default_factory=dict)
    first: Mapping[str, datetime] = field(default_factory=dict)
    related: Sequence[str] = ()
    files: Sequence[File] = ()
    told: datetime | None = None
    told_public: datetime | None = None

    @property
    def key(self) -> str:
        """Its id in the database."""
        return self.id

    @property
    def languages(self) -> list[str]:
        """Those in which it is published: its own first."""
        return sorted(self.live, key=lambda language: (language != self.language, language))

    @property
    def states(self) -> list[State]:
        """By which editors list it."""
        found: list[State] = ["draft"] if self.drafts else []
        if self.live:
            found.append("published")
        elif self.first:
            found.append("withdrawn")
        return found

    def newest(self, language: str) -> int | None:
        """The version that wrote the newest text in this language."""
        return self.drafts.get(language, self.live.get(language))


@dataclass(frozen=True, slots=True)
class Head:
    """What lists show of a published text. `version`: of the article, when readers last saw a change of this text."""

    article: str
    language: str
    version: int
    category: str
    audience: Audience
    title: str
    summary: str
    published_at: datetime
    first_published_at: datetime


@dataclass(frozen=True, slots=True)
class Published:
    """A text as readers see it. `live` False: it was withdrawn, and nothing of it is left but this.

    `plain`: the body without Markdown; `headings` likewise.
    """

    head: Head
    written: int
    """The version that wrote the text."""
    live: bool = True
    body: str = ""
    html: str = ""
    plain: str = ""
    headings: str = ""
    keywords: Sequence[str] = ()

    @property
    def key(self) -> str:
        """Its id in the database."""
        return published_key(self.head.article, self.head.language)

    @property
    def version(self) -> int:
        """What a write of it depends on."""
        return self.head.version


def version_key(article: str, version: int) -> str:
    """The id of a version."""
    return f"{article}/{version}"


def published_key(article: str, language: str) -> str:
    """The id of a published text."""
    return f"{article}/{language}"
