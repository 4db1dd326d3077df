"""Files of articles: they come in parts, in any order; they become public with their article, and disappear with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from contracts.articles import MAX_FILES, ArticleFilePart, AttachFile, DetachFile, DownloadFile
from services.chassis.decision import Answer, Decision, Message, carrying, derived_id
from services.knowledge.domain import answers
from services.knowledge.domain.articles.changing import changed, recorded
from services.knowledge.domain.articles.telling import at_its_version, event, shown, told
from services.knowledge.domain.doors import Editor, Reader, who
from services.knowledge.domain.markdown import Check
from services.knowledge.domain.needs import (
    ArticleOf,
    Checked,
    Contents,
    Heads,
    Need,
    Numbers,
    PartOf,
    PublishedOf,
    Stored,
)
from services.knowledge.domain.state import View
from services.knowledge.domain.values.article import Article
from services.knowledge.domain.values.file import UPLOADS_KEPT, File, Part, Upload, is_file_name, kind_of, part_key

TAKEN = "An article's file is a picture (PNG, JPEG, GIF or WebP) or a PDF. This is neither."


def attach(view: View, message: Message[AttachFile], by: Editor, article: Article, now: datetime) -> Decision:
    """`article.attach`: one part of a file. With the last part that is missing, the article has the file."""
    data = message.data
    others = [file for file in article.files if file.name != data.name]
    if refused := _not_taken(data, len(others)):
        return refused
    id_ = _file_id(message)
    part = Part(id_, data.part, data.content, now)
    missing = set(range(1, data.parts + 1)) - {data.part} - _known(view, id_)
    known = view.of(Part, part.key)
    if missing:
        if known is not None or data.part in view.read[Numbers(id_)]:
            return Decision(answer=answers.accepted(article))
        before = view.of(Upload, id_)
        upload = Upload(id_, now + UPLOADS_KEPT, 1 if before is None else before.revision + 1)
        return Decision([part, upload], answer=answers.accepted(article))
    stored = [view.of(Part, part_key(id_, number)) for number in range(1, data.parts + 1) if number != data.part]
    whole = {each.number: each.content for each in (*stored, part) if each is not None}
    content = [whole[number] for number in sorted(whole)]
    media_type = kind_of(b"".join(content[:2]))
    if media_type is None:
        return answers.invalid({"content": [TAKEN]})
    digest = sha256()
    for piece in content:
        digest.update(piece)
    file = File(id_, data.name, media_type, sum(map(len, content)), digest.hexdigest(), data.parts)
    if file in article.files:
        return Decision(answer=answers.accepted(article))
    done = _changed(view, by, article, now, (*others, file), "attached", data.name)
    return replace(done, changes=[*([part] if known is None else []), *done.changes])


def attach_needed(known: View, message: Message[AttachFile]) -> Iterable[Need]:
    """The article, which parts are stored, and once all are there, their contents and what readers see of it."""
    id_ = _file_id(message)
    yield ArticleOf(message.data.article_id)
    yield Stored(Upload, id_)
    yield Numbers(id_)
    numbers = known.read.get(Numbers(id_))
    if numbers is not None and set(numbers) | known.coming.get(id_, set()) >= set(range(1, message.data.parts + 1)):
        yield Contents(id_)
        yield PublishedOf(message.data.article_id)


def coming(messages: Iterable[Message[Any]]) -> Mapping[str, set[int]]:
    """The parts of files that these messages bring together."""
    found: dict[str, set[int]] = {}
    for message in carrying(messages, AttachFile):
        found.setdefault(_file_id(message), set()).add(message.data.part)
    return found


def detach(view: View, message: Message[DetachFile], by: Editor, article: Article, now: datetime) -> Decision:
    """`article.detach`: the article no longer has the file, unless readers see a text that shows it."""
    name = message.data.name
    kept = [file for file in article.files if file.name != name]
    if len(kept) == len(article.files):
        return answers.invalid({"name": [f"The article has no file {name}."]})
    for text in view.live(article.id):
        check: Check = view.read[Checked(text.body)]
        if name in check.files:
            sentence = f"The published text in {text.head.language} shows {name}: publish one without it first."
            return answers.wrong_status(article, sentence)
    return _changed(view, by, article, now, tuple(kept), "detached", name)


def detach_needed(known: View, message: Message[DetachFile]) -> Iterable[Need]:
    """The article, and what its published texts show."""
    yield ArticleOf(message.data.article_id)
    yield PublishedOf(message.data.article_id)
    for text in known.live(message.data.article_id):
        yield Checked(text.body)


def download(view: View, message: Message[DownloadFile], reader: Reader, _: datetime) -> Decision:
    """`article.download`: one part of a file, by default the first. Editors get it before the article is published."""
    data = message.data
    article = view.article(data.article_id)
    if article is None or not (reader.editor or view.read[Heads(data.article_id, reader.staff)]):
        return answers.unknown_article(data.article_id)
    file = _named(article, data.name)
    if file is None:
        return answers.invalid({"name": ["The article has no such file."]})
    number = data.part or 1
    if number > file.parts:
        return answers.invalid({"part": [_size(file.parts)]})
    content: bytes | None = view.read[PartOf(file.id, number)]
    if content is None:  # detached a moment ago
        return answers.invalid({"name": ["The article has no such file."]})
    outcome = ArticleFilePart(
        article_id=article.id, file=shown([file])[0], part=number, parts=file.parts, content=content
    )
    return Decision(answer=Answer("article.content", outcome))


def download_needed(known: View, message: Message[DownloadFile]) -> Iterable[Need]:
    """What the reader may see of the article, then that part of its file."""
    data, reader = message.data, who(known.desk, message)
    yield Heads(data.article_id, reader.staff)
    if reader.editor or known.read.get(Heads(data.article_id, reader.staff)):
        yield ArticleOf(data.article_id)
    article = known.article(data.article_id)
    file = None if article is None else _named(article, data.name)
    if file is not None:
        yield PartOf(file.id, data.part or 1)


def _not_taken(data: AttachFile, others: int) -> Decision | None:
    if is_file_name(data.name) is None:
        return answers.invalid({"name": ["Must be of letters, digits, ., - and _, such as clock.png."]})
    if data.part > data.parts:
        return answers.invalid({"part": [_size(data.parts)]})
    if others >= MAX_FILES:
        return answers.invalid({"name": [f"An article has at most {MAX_FILES} files."]})
    if data.part == 1 and len(data.content) >= 16 and kind_of(data.content) is None:
        return answers.invalid({"content": [TAKEN]})
    return None


def _size(parts: int) -> str:
    return f"The file has {'1 part' if parts == 1 else f'{parts} parts'}."


def _known(view: View, id_: str) -> set[int]:
    """The numbers of the parts that are there."""
    numbers: Sequence[int] = view.read[Numbers(id_)]
    return {*numbers, *(part.number for part in view.all_of(Part).values() if part.file == id_)}


def _file_id(message: Message[AttachFile]) -> str:
    data = message.data
    return derived_id("file", message.sender, data.article_id, data.upload, data.name, str(data.parts))


def _named(article: Article, name: str) -> File | None:
    return next((file for file in article.files if file.name == name), None)


def _changed(
    view: View, by: Editor, article: Article, now: datetime, files: tuple[File, ...], what: str, name: str
) -> Decision:
    """The article has these files from now on, and its readers are told."""
    live = list(view.live(article.id))
    after = changed(article, by, now, files=files, **(told(article, now) if live else {}))
    seen = at_its_version(after, live)
    said = [event("article.published", after, each, by) for each in seen]
    return Decision([after, recorded(after, what, title=name), *seen], said=said, answer=answers.accepted(after))
