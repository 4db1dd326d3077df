"""What an import sends: the commands that make the desk's articles as a folder has them, and nothing for what is equal.

Pure. It removes nothing: an article, a language or a file that the folder does not have stays as it is. The page is
docs/knowledge.md.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import field

from contracts.articles import (
    AttachFile,
    MoveArticle,
    OfEditor,
    PublishArticle,
    SaveArticle,
    TranslateArticle,
)
from contracts.values import dataclass

from .folder import Article, ArticleFile, Text

WRITES = ("article.save", "article.translate")
PART = 256 * 1024
"""Bytes of a file in one command."""


@dataclass(frozen=True, slots=True)
class Held:
    """An article as the desk has it: `article` with the newest text of each language, published or not, and without
    its files. `drafts`: the languages with a text that readers do not see yet. `files`: SHA-256 by name."""

    article: Article
    version: int
    drafts: frozenset[str] = frozenset()
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A command of an import, and what it does in a word or two."""

    type: str
    data: OfEditor
    did: str


def another_language(article: Article, held: Held | None) -> str | None:
    """Why the desk cannot take the article: its own language never changes."""
    if held is None or held.article.language == article.language:
        return None
    return f"On the desk, the article's own language is {held.article.language}; the folder says {article.language}."


def steps(article: Article, held: Held | None, *, publish: bool) -> list[Step]:
    """The commands that make the desk's article as the folder has it, in their order. None: it does not have it yet.

    They say no version: whoever sends them knows it from the answer before. What was for staff alone becomes public
    last: the text that staff read now may say what the new one leaves out.
    """
    found = [*_written(article, held), *_attached(article, held)]
    if publish:
        found += _published(article, held, {step.did for step in found if step.type in WRITES})
    moved = [*_moved(article, held)]
    return [*found, *moved] if article.audience == "public" else [*moved, *found]


def _moved(article: Article, held: Held | None) -> Iterator[Step]:
    if held is None:
        return
    wanted, stands = (article.category, article.audience), (held.article.category, held.article.audience)
    if wanted != stands:
        category = None if wanted[0] == stands[0] else article.category
        audience = None if wanted[1] == stands[1] else article.audience
        data = MoveArticle(article_id=article.id, category=category, audience=audience)
        yield Step("article.move", data, "moved")


def _written(article: Article, held: Held | None) -> Iterator[Step]:
    """Its own language first: without it, there is no article to translate."""
    for language, text in sorted(article.texts.items(), key=lambda each: (each[0] != article.language, each[0])):
        is_own = language == article.language
        related_stands = held is None or not is_own or held.article.related == article.related
        if held is not None and held.article.texts.get(language) == text and related_stands:
            continue
        yield _saved(article, text, is_new=held is None) if is_own else _translated(article, language, text)


def _saved(article: Article, text: Text, *, is_new: bool) -> Step:
    data = SaveArticle(
        article_id=article.id,
        category=article.category if is_new else None,
        audience=article.audience if is_new else None,
        language=article.language if is_new else None,
        title=text.title,
        summary=text.summary,
        body=text.body,
        keywords=text.keywords,
        related=article.related,
    )
    return Step("article.save", data, article.language)


def _translated(article: Article, language: str, text: Text) -> Step:
    data = TranslateArticle(
        article_id=article.id,
        language=language,
        title=text.title,
        summary=text.summary,
        body=text.body,
        keywords=text.keywords,
    )
    return Step("article.translate", data, language)


def _attached(article: Article, held: Held | None) -> Iterator[Step]:
    for file in article.files:
        if held is None or held.files.get(file.name) != file.sha256:
            yield from _parts(article.id, file)


def _parts(id_: str, file: ArticleFile) -> Iterator[Step]:
    parts = max(1, -(-len(file.content) // PART))
    claimed = mimetypes.guess_type(file.name)[0] or ""
    for part in range(1, parts + 1):
        data = AttachFile(
            article_id=id_,
            upload=file.sha256[:32],
            name=file.name,
            media_type=claimed,
            part=part,
            parts=parts,
            content=file.content[(part - 1) * PART : part * PART],
        )
        yield Step("article.attach", data, file.name)


def _published(article: Article, held: Held | None, written: set[str]) -> Iterator[Step]:
    """All drafts at once, unless the desk has drafts in languages that the folder does not have."""
    drafts = {language for language in article.texts if language in written or (held and language in held.drafts)}
    others = held.drafts - article.texts.keys() if held else frozenset()
    if drafts and not others:
        yield Step("article.publish", PublishArticle(article_id=article.id), "published")
    elif drafts:
        for language in sorted(drafts):
            data = PublishArticle(article_id=article.id, language=language)
            yield Step("article.publish", data, f"published in {language}")
