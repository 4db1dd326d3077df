"""Articles of the knowledge base: what editors and readers send, the answers, and the events. Owner: knowledge.

The page is docs/knowledge.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import force_setattr

from contracts.common import (
    MAX_SUBJECT,
    AgentId,
    Audience,
    Category,
    Draft,
    FromChannel,
    KnownCategory,
    Language,
    Named,
    NearestLanguage,
    Reason,
    Sentence,
    ShownName,
    Word,
)
from contracts.envelope import in_utc
from contracts.fields import ID_PATTERN, Count, Moment, Ordinal, Score, Text, Whole, Words
from contracts.file_forms import ClaimedType, FileName, MediaType, Sha256
from contracts.file_forms import Content as FileContent
from contracts.outcomes import Languages
from contracts.payload import Payload

MAX_ARTICLE = 100_000
"""Characters of an article's text in one language."""

MAX_HTML = 1_000_000
"""Characters of the same as HTML: what is escaped gets longer."""

MAX_SUMMARY = 500
MAX_PIECE = 2_000
"""Characters of a piece of a title or an excerpt."""

MAX_QUERY = 1_000
"""Characters of what somebody looks for."""

MAX_KEYWORDS = 50
MAX_RELATED = 20
MAX_FILES = 50
MAX_PARTS = 40
"""Parts of an article's file, of 256 KiB each: 10 MiB."""

MAX_LISTED = 100
"""Articles in one answer."""

_AN_ID = "an id of up to 64 lower-case letters, digits, - and _"
ArticleId = Annotated[str, Text(64, pattern=ID_PATTERN, like=_AN_ID).rule]
"""An article's id, in commands of editors and in all that knowledge says."""

Title = Annotated[str, Words(MAX_SUBJECT).rule]
Body = Annotated[str, Words(MAX_ARTICLE).rule]
"""Markdown without HTML."""
Summary = Annotated[str, Words(MAX_SUMMARY).rule]
Keywords = Annotated[Sequence[Annotated[str, Words(60).rule]], Meta(max_length=MAX_KEYWORDS)]
"""Words that people use and the text does not have."""
Related = Annotated[Sequence[ArticleId], Meta(max_length=MAX_RELATED)]
Session = Annotated[str, Words(200).rule]
"""The id of somebody's visit, as the channel knows it."""
Query = Annotated[str, Text(MAX_QUERY, 0).rule]
"""What somebody looks for, as typed. Nothing in it is an operator."""
PageNumber = Annotated[int, Whole(1, 100_000).rule]
PartNumber = Annotated[int, Whole(1, MAX_PARTS).rule]


# Commands of editors


class OfEditor(Payload):
    """A command of an editor, who gives their `agent_id`, or of the operator, who gives none.

    `expected_version`: the article's version that the sender has seen; the command is refused with `conflict` if it has
    another.
    """

    agent_id: AgentId | None = None
    expected_version: Ordinal | None = None


class SaveArticle(OfEditor):
    """Command `article.save`: a draft in the article's own language. It creates the article if none has this id.

    Without `article_id`, knowledge makes an id from the title. A new article needs a `category`; its `audience` is
    `public` and its `language` the desk's own, unless given. In an article that exists, these three stay as they are:
    `article.move` changes the first two.
    """

    article_id: ArticleId | None = None
    category: Category | None = None
    audience: Audience | None = None
    language: NearestLanguage | None = None
    title: Title
    summary: Summary | None = None
    body: Body
    keywords: Keywords = ()
    related: Related = ()


class OfArticle(OfEditor):
    """A command about an article that exists."""

    article_id: ArticleId


class TranslateArticle(OfArticle):
    """Command `article.translate`: a draft in another language."""

    language: NearestLanguage
    title: Title
    summary: Summary | None = None
    body: Body
    keywords: Keywords = ()


class RestoreArticle(OfArticle):
    """Command `article.restore`: the text of an old version becomes the draft of its language."""

    version: Ordinal


class PublishArticle(OfArticle):
    """Command `article.publish`: readers see the draft from now on; without `language`, all drafts."""

    language: NearestLanguage | None = None


class WithdrawArticle(OfArticle):
    """Command `article.withdraw`: readers no longer see the text; without `language`, in no language."""

    language: NearestLanguage | None = None
    reason: Reason | None = None


class MoveArticle(OfArticle):
    """Command `article.move`: another category, another audience, or both, also for what is published."""

    any_of = ("category", "audience")

    category: Category | None = None
    audience: Audience | None = None


class AttachFile(OfArticle):
    """Command `article.attach`: one part of a file of the article, in any order, of 256 KiB at most. The file is a
    raster picture or a PDF.

    `upload` is the sender's own name for these parts, the same in all. A file replaces another of the same name.
    """

    upload: Annotated[str, Words(64).rule]
    name: FileName
    media_type: ClaimedType = ""
    part: PartNumber
    parts: PartNumber
    content: FileContent


class DetachFile(OfArticle):
    """Command `article.detach`: the article no longer has the file of this name."""

    name: FileName


# Commands of readers


class ArticleOpened(FromChannel):
    """Command `article.opened`: somebody reads an article. It counts once for each `session`, article and day (UTC).

    `draft`: the form from whose suggestions it was opened.
    """

    article_id: Named
    session: Session
    draft: Draft | None = None


class ArticleHelped(ArticleOpened):
    """Command `article.helped`: whether the article helped, and what the person says of it. It replaces what the same
    session said of the article on the same day."""

    helped: bool
    words: Reason | None = None


# Questions


class AskedOfArticles(FromChannel):
    """A question about articles. Staff give their `agent_id`, and see internal articles too.

    `language`: texts in this language, and in the desk's own where an article has none; without it, in any.
    """

    agent_id: AgentId | None = None
    language: NearestLanguage | None = None


class SearchArticles(AskedOfArticles):
    """Question `article.search`: articles about these words, the best first, 20 a page."""

    words: Query
    category: Category | None = None
    page: PageNumber | None = None


class SuggestArticles(AskedOfArticles):
    """Question `article.suggest`: the five best articles about what somebody has typed so far."""

    words: Query
    category: Category | None = None


class ViewArticle(AskedOfArticles):
    """Question `article.view`: an article as it is published. Editors may ask for a `version`, or with `draft` for the
    newest text."""

    article_id: Named
    version: Ordinal | None = None
    draft: bool = False


class ListArticles(AskedOfArticles):
    """Question `article.list`: 20 a page, most viewed or most recent first.

    `ids`: these alone, in this order. `changed_since`: what was published since then, the oldest first, and in
    `withdrawn` the ids of what is no longer there. `state`: for editors, also what is not published.
    """

    sort: Literal["most_viewed", "most_recent"] | None = None
    category: Category | None = None
    page: PageNumber | None = None
    ids: Annotated[Sequence[Named], Meta(max_length=MAX_LISTED)] = ()
    changed_since: Moment | None = None
    state: Literal["draft", "published", "withdrawn"] | None = None

    def __post_init__(self) -> None:
        """Outsiders send it with any offset."""
        super().__post_init__()
        if self.changed_since is not None:
            force_setattr(self, "changed_since", in_utc(self.changed_since))


class ListCategories(AskedOfArticles):
    """Question `article.categories`: the categories of articles, with the names that people read."""


class ListVersions(Payload):
    """Question `article.versions`, for editors: what was done with the article, the newest first, 20 a page."""

    agent_id: AgentId
    article_id: ArticleId
    page: PageNumber | None = None


class DownloadFile(AskedOfArticles):
    """Question `article.download`: one part of a file of a published article."""

    article_id: Named
    name: FileName
    part: PartNumber | None = None


# Answers, and what events carry


class ArticleFile(Payload):
    """A file of an article."""

    name: Annotated[str, Text(255).rule]
    media_type: MediaType
    size: Count
    sha256: Sha256


Files = Annotated[Sequence[ArticleFile], Meta(max_length=MAX_FILES)]


class Article(Payload):
    """An article as it stands, in one language.

    `body` is Markdown, `html` the same, sanitised: links to articles are `article:<id>`, pictures and links to files
    `file:<name>`. `languages`: those in which it is published. `related`: ids of other articles. `published_at` is of
    this text, `first_published_at` of the article in this language. A draft has neither.
    """

    id: ArticleId
    version: Ordinal
    category: KnownCategory
    audience: Audience
    language: Language
    languages: Languages
    title: Annotated[str, Text(MAX_SUBJECT).rule]
    summary: Annotated[str, Text(MAX_SUMMARY).rule]
    body: Annotated[str, Text(MAX_ARTICLE).rule]
    html: Annotated[str, Text(MAX_HTML, 0).rule]
    keywords: Keywords
    related: Related
    files: Files
    published_at: Moment | None = None
    first_published_at: Moment | None = None


class ArticleEvent(Payload):
    """Events `article.published` and `article.withdrawn`: the article as it stands, or as it stood when it was
    withdrawn. `by`: the editor's agent id; missing: the operator."""

    article: Article
    by: AgentId | None = None
    reason: Sentence | None = None


class Piece(Payload):
    """A piece of text; `found`: the words of the search are in it."""

    text: Annotated[str, Text(MAX_PIECE, 0).rule]
    found: bool = False


Pieces = Annotated[Sequence[Piece], Meta(max_length=1_000)]


class ArticleHit(Payload):
    """An article in a list. `score`: how well it fits, from 0 to 1. `marked` and `excerpt`: the title, and the place of
    the text that fits best, in pieces that join to the whole."""

    id: ArticleId
    title: Annotated[str, Text(MAX_SUBJECT).rule]
    summary: Annotated[str, Text(MAX_SUMMARY).rule]
    category: KnownCategory
    audience: Audience
    language: Language
    version: Ordinal
    published_at: Moment | None = None
    score: Annotated[float, Score().rule] | None = None
    marked: Pieces = ()
    excerpt: Pieces = ()


class ArticlesFound(Payload):
    """Outcome `article.found`: one page of articles. `did_you_mean`: the words with their spelling corrected.
    `withdrawn`: ids of articles that are no longer there, for `changed_since`."""

    articles: Annotated[Sequence[ArticleHit], Meta(max_length=MAX_LISTED)]
    page: Ordinal
    pages: Count
    did_you_mean: Query | None = None
    withdrawn: Annotated[Sequence[ArticleId], Meta(max_length=MAX_LISTED)] = ()


class ArticleCategory(Payload):
    """A category, and how many articles the reader finds in it."""

    id: KnownCategory
    name: ShownName
    articles: Count


class ArticleCategories(Payload):
    """Outcome `article.categorised`: the categories that have articles, in the order of the operator's files."""

    categories: Annotated[Sequence[ArticleCategory], Meta(max_length=1_000)]


class ArticleViewed(Payload):
    """Outcome `article.viewed`. `related`: the other articles that it names and the reader may see."""

    article: Article
    related: Annotated[Sequence[ArticleHit], Meta(max_length=MAX_RELATED)] = ()


class ArticleVersion(Payload):
    """One change of an article. `language`: of the text that it is about. `restores`: the version whose text it
    took."""

    version: Ordinal
    what: Word
    by: AgentId | None = None
    display_name: ShownName | None = None
    at: Moment
    language: Language | None = None
    title: Annotated[str, Text(MAX_SUBJECT).rule] | None = None
    restores: Ordinal | None = None
    reason: Sentence | None = None


class ArticleVersions(Payload):
    """Outcome `article.versioned`: one page of an article's versions, the newest first."""

    article_id: ArticleId
    versions: Annotated[Sequence[ArticleVersion], Meta(max_length=MAX_LISTED)]
    page: Ordinal
    pages: Count


class ArticleFilePart(Payload):
    """Outcome `article.content`: one part of a file, by default the first."""

    article_id: ArticleId
    file: ArticleFile
    part: PartNumber
    parts: PartNumber
    content: FileContent
