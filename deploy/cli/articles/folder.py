"""Articles as a folder of Markdown: reads `<language>/<id>.md` with front matter, and writes the same bytes again.

The file with a `category` is the article's own; the others are its translations. Files of an article, such as pictures,
are in `files/<id>/`. Every mistake names file and line. It knows neither the desk nor a terminal. The page is
docs/knowledge.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from marshmallow import ValidationError

from contracts import languages
from contracts.articles import MAX_FILES, MAX_PARTS, SaveArticle, TranslateArticle
from contracts.common import Audience
from contracts.fields import ID_PATTERN
from contracts.payload import Payload, errors_by_field, read
from contracts.values import dataclass
from services.knowledge.domain.articles.files import TAKEN
from services.knowledge.domain.values.file import is_file_name, kind_of

FILES = "files"
"""The folder of pictures and PDFs, with a folder for each article."""

FENCE = "---"
LISTS = ("keywords", "related")
OF_ARTICLES = ("title", "summary", "category", "audience", "keywords", "related")
"""The fields of the front matter, in the order in which they are written."""

LARGEST = MAX_PARTS * 256 * 1024
"""Bytes of a file."""

_ID = re.compile(ID_PATTERN)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a file. `line` counts from 1; 0: the file as a whole."""

    path: str
    line: int
    said: str

    @property
    def sentence(self) -> str:
        """With file and line."""
        return f"{self.path}{f', line {self.line}' if self.line else ''}: {self.said}"


@dataclass(frozen=True, slots=True)
class Text:
    """An article in one language. `body`: Markdown."""

    title: str
    body: str
    summary: str | None = None
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArticleFile:
    """A file of an article."""

    name: str
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """By which it is compared."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Article:
    """An article with all that a folder says of it. `language`: its own, in which others are translations."""

    id: str
    category: str
    audience: Audience
    language: str
    texts: Mapping[str, Text]
    """By language."""
    related: tuple[str, ...] = ()
    files: tuple[ArticleFile, ...] = ()


Check = Callable[[str, Iterable[str]], Iterable[tuple[int, str]]]
"""What is wrong with Markdown, given the names of the article's files: line (from 1) and sentence of each fault."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds: the articles without a mistake, and all mistakes in the order of their files and lines."""

    articles: Sequence[Article]
    mistakes: Sequence[Mistake]


@dataclass(frozen=True, slots=True)
class _File:
    """One Markdown file as it was read. `lines`: the line of each field, `body` among them."""

    path: str
    language: str
    text: Text
    fields: Mapping[str, Any]
    lines: Mapping[str, int]


def read_folder(folder: Path, faults: Check, categories: Collection[str]) -> Found:
    """All articles of a folder, by id. Raises OSError if the folder or a file cannot be read."""
    mistakes: list[Mistake] = []
    files = {name: _files_of(folder, name, mistakes) for name in _names(folder / FILES)}
    wrong = {each.path.split("/")[1] for each in mistakes}
    by_id: dict[str, list[_File]] = {}
    for path in _markdown(folder, mistakes):
        shown, id_ = path.relative_to(folder).as_posix(), path.stem
        of_article = by_id.setdefault(id_, [])
        for each in _read_file(path, shown, [file.name for file in files.get(id_, ())], faults):
            if isinstance(each, Mistake):
                mistakes.append(each)
                wrong.add(id_)
            else:
                of_article.append(each)
    articles = []
    for id_ in sorted(by_id.keys() - wrong):
        made = _joined(id_, by_id[id_], files.get(id_, ()), categories)
        if isinstance(made, Mistake):
            mistakes.append(made)
        else:
            articles.append(made)
    alone = sorted(files.keys() - by_id.keys() - wrong)
    mistakes += [Mistake(f"{FILES}/{id_}", 0, f"There is no article {id_}.") for id_ in alone]
    return Found(articles, sorted(mistakes, key=lambda each: (each.path, each.line)))


def _names(folder: Path) -> list[str]:
    return [each.name for each in _visible(folder)] if folder.is_dir() else []


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, by name, without what programs hide there, such as `.DS_Store` and `.log-in.md.swp`."""
    return sorted(each for each in folder.iterdir() if not each.name.startswith("."))


def _markdown(folder: Path, mistakes: list[Mistake]) -> Iterator[Path]:
    """The Markdown files, language by language. Whatever else lies beside the folders of languages is ignored."""
    for below in (each for each in _visible(folder) if each.is_dir() and each.name != FILES):
        if languages.nearest(below.name) != below.name:
            mistakes.append(Mistake(below.name, 0, f"{below.name!r} is not a language, such as en or pt-BR."))
            continue
        for path in _visible(below):
            shown = f"{below.name}/{path.name}"
            if path.suffix != ".md" or not path.is_file():
                mistakes.append(Mistake(shown, 0, f"Only <id>.md is here; pictures and PDFs are in {FILES}/<id>/."))
            elif _ID.fullmatch(path.stem) is None or len(path.stem) > 64:
                said = "The name of the file is no id: up to 64 lower-case letters, digits, - and _."
                mistakes.append(Mistake(shown, 0, said))
            else:
                yield path


def _files_of(folder: Path, id_: str, mistakes: list[Mistake]) -> tuple[ArticleFile, ...]:
    found, below = [], folder / FILES / id_
    if not below.is_dir():
        mistakes.append(Mistake(f"{FILES}/{id_}", 0, f"The files of an article belong in {FILES}/<id>/."))
        return ()
    for path in _visible(below):
        shown = f"{FILES}/{id_}/{path.name}"
        if not path.is_file():
            mistakes.append(Mistake(shown, 0, "Only files belong here."))
        elif is_file_name(path.name) is None:
            said = "The name of a file is of letters, digits, ., - and _, such as clock.png."
            mistakes.append(Mistake(shown, 0, said))
        elif path.stat().st_size > LARGEST:
            mistakes.append(Mistake(shown, 0, f"It has more than {LARGEST // 1024**2} MiB."))
        else:
            found.append(ArticleFile(path.name, path.read_bytes()))
            if kind_of(found[-1].content) is None:
                mistakes.append(Mistake(shown, 0, TAKEN))
    if len(found) > MAX_FILES:
        mistakes.append(Mistake(f"{FILES}/{id_}", 0, f"An article has at most {MAX_FILES} files."))
    return tuple(found)


def _read_file(path: Path, shown: str, files: Iterable[str], faults: Check) -> Iterator[_File | Mistake]:
    """The file, or each of its mistakes."""
    content = path.read_bytes()
    try:
        whole = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        yield Mistake(shown, content.count(b"\n", 0, error.start) + 1, "This is not UTF-8.")
        return
    lines = whole.split("\n")
    if lines[0] != FENCE:
        yield Mistake(shown, 1, f"The file begins with {FENCE}, then title and category, then {FENCE} again.")
        return
    end = next((place for place, line in enumerate(lines) if place and line == FENCE), None)
    if end is None:
        yield Mistake(shown, 1, f"The {FENCE} that ends the front matter is missing.")
        return
    at: dict[str, int] = {"body": end + 2}
    values: dict[str, Any] = {"body": "\n".join(lines[end + 1 :]).removesuffix("\n")}
    mistakes = [*_front_matter(shown, "\n".join(lines[1:end]), values, at)]
    if not mistakes:
        mistakes = [*_of_the_contract(shown, path.parent.name, path.stem, values, at)]
        body = values["body"]
        mistakes += [Mistake(shown, end + 1 + line, said) for line, said in faults(body, files)]
    if mistakes:
        yield from mistakes
        return
    text = Text(values["title"], values["body"], values.get("summary"), tuple(values.get("keywords", ())))
    yield _File(shown, path.parent.name, text, values, at)


def _front_matter(shown: str, front: str, values: dict[str, Any], at: dict[str, int]) -> Iterator[Mistake]:
    """Put the fields into `values` and their lines into `at`. All values are taken as they are written: `2026` is
    text."""
    try:
        node = yaml.compose(front, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield Mistake(shown, mark.line + 2 if mark else 1, f"This is not YAML ({error.problem}).")
        return
    except (yaml.YAMLError, RecursionError) as error:
        yield Mistake(shown, 1, f"This is not YAML ({str(error).splitlines()[0]}).")
        return
    if not isinstance(node, yaml.MappingNode):
        yield Mistake(shown, 1, "The front matter is a list of fields, such as title: How to log in.")
        return
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 2
        if name not in OF_ARTICLES:
            yield Mistake(
                shown, line, f"{name!r} is not a field of an article. The fields are {', '.join(OF_ARTICLES)}."
            )
        elif name in at:
            yield Mistake(shown, line, f"{name} is there twice.")
        elif name in LISTS:
            at[name] = line
            parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
            texts = [part.value for part in parts if isinstance(part, yaml.ScalarNode)]
            if isinstance(value, yaml.SequenceNode) and len(texts) == len(parts):
                values[name] = texts
            else:
                yield Mistake(shown, line, f"{name} is a list, such as [one, two].")
        else:
            at[name] = line
            if isinstance(value, yaml.ScalarNode):
                values[name] = value.value
            else:
                yield Mistake(shown, line, f"{name} is text.")


def _of_the_contract(
    shown: str, language: str, id_: str, values: Mapping[str, Any], at: Mapping[str, int]
) -> Iterator[Mistake]:
    """What the desk would refuse by itself: lengths, blank texts, missing fields."""
    form: type[Payload] = SaveArticle if "category" in values else TranslateArticle
    if form is TranslateArticle:
        for name in ("audience", "related"):
            if name in values:
                yield Mistake(shown, at[name], f"A translation has no {name}: that belongs beside category.")
    try:
        read(form, {**values, "article_id": id_, "language": language})
    except ValidationError as error:
        for name, said in errors_by_field(error).items():
            top = name.partition(".")[0]
            yield Mistake(shown, at.get(top, 1), f"{name}: {' '.join(said)}")


def _joined(
    id_: str, written: Sequence[_File], files: Sequence[ArticleFile], categories: Collection[str]
) -> Article | Mistake:
    """The article that its files make."""
    own = [each for each in written if "category" in each.fields]
    if not own:
        first = written[0]
        return Mistake(first.path, 1, "No file of this article names its category. The file in its own language must.")
    if len(own) > 1:
        both = f"{own[0].path} names it too"
        return Mistake(own[1].path, own[1].lines["category"], f"An article has one language of its own; {both}.")
    fields = own[0].fields
    if fields["category"] not in categories:
        said = f"There is no category {fields['category']}: they are {', '.join(categories)}."
        return Mistake(own[0].path, own[0].lines["category"], said)
    return Article(
        id_,
        fields["category"],
        fields.get("audience", "public"),
        own[0].language,
        {each.language: each.text for each in written},
        tuple(fields.get("related", ())),
        tuple(files),
    )


def written(article: Article) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The files of an article, by their path in a folder."""
    for language, text in sorted(article.texts.items()):
        fields: dict[str, Any] = {"title": text.title, "summary": text.summary, "keywords": text.keywords}
        if language == article.language:
            fields |= {"category": article.category, "audience": article.audience, "related": article.related}
        front = [f"{name}: {_yaml(fields[name])}" for name in OF_ARTICLES if fields.get(name)]
        whole = "\n".join([FENCE, *front, FENCE, text.body, ""])
        yield PurePosixPath(language, f"{article.id}.md"), whole.encode()
    for file in article.files:
        yield PurePosixPath(FILES, article.id, file.name), file.content


def _yaml(value: str | Sequence[str]) -> str:
    """The value in YAML, in quotes only where it would not stand for itself."""
    if isinstance(value, str):
        return value if _as_read(f"k: {value}") == [value] else _quoted(value)
    return f"[{', '.join(part if _as_read(f'k: [{part}]') == [part] else _quoted(part) for part in value)}]"


def _as_read(line: str) -> list[Any]:
    """The texts without quotes that a line of front matter holds."""
    try:
        node = yaml.compose(line, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return []
    held = node.value[0][1] if isinstance(node, yaml.MappingNode) and len(node.value) == 1 else node
    parts = held.value if isinstance(held, yaml.SequenceNode) else [held]
    return [part.value for part in parts if isinstance(part, yaml.ScalarNode) and part.style is None]


def _quoted(value: str) -> str:
    return str(yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**9)).rstrip("\n")
