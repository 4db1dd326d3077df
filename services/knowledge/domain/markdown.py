"""Markdown without HTML: its faults by line, what it links to, and the HTML that is published.

CommonMark with tables and strikethrough. HTML is a fault when an article is saved; when one is published, what is
rendered is sanitised as well. A picture is a file of the article: one on another host would tell that host who
reads what, and would disappear some day. The page is docs/knowledge.md, "Articles".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from contracts.fields import ID_PATTERN
from contracts.values import dataclass

_MORE = ["table", "strikethrough"]
_elsewhere = re.compile(
    r"mailto:.+|https?://(?:[^\s/?#@]*@)?(?:[\w.-]+|\[[\da-f:.]+\])(?::(?P<port>\d{1,5}))?(?:[/?#].*)?", re.IGNORECASE
).fullmatch
_is_article = re.compile(f"article:({ID_PATTERN})").fullmatch
_is_file = re.compile("file:([^/\\\\]{1,255})").fullmatch

_TAGS = {
    *("h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "s", "a", "img"),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}

MOST_FAULTS = 100
"""Faults of a text that are named; the others are counted. Of a text full of tags they would fill megabytes."""

SUMMARY = 300
"""Characters of a summary that is made of the body."""

LONGEST_WORD = 60
"""Characters of a word that a summary is not cut in. Longer ones have no gaps, as in Thai."""

_sentence_ends = re.compile("[.!?…؟۔।](?=\\s|$)|[。！？][」』）]*").finditer
"""In Chinese and Japanese, no gap follows."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is wrong with a text, and which articles and files it names. `by_line`: each fault with its line, from 1."""

    by_line: Sequence[tuple[int, str]]
    articles: Sequence[str]
    files: Sequence[str]

    @property
    def faults(self) -> list[str]:
        """Each fault in a sentence that names its line."""
        return [f"Line {line}: {fault}" for line, fault in self.by_line]


@dataclass(frozen=True, slots=True)
class Rendering:
    """A text as readers get it. `plain`: without Markdown; `headings` likewise; `opening`: its first sentences."""

    html: str
    plain: str
    headings: str
    opening: str


def check(body: str) -> Check:
    """The faults of this Markdown, each with its line, and what it links to."""
    faults: list[tuple[int, str]] = []
    articles: dict[str, None] = {}
    files: dict[str, None] = {}
    defined: dict[str, Any] = {}
    for line, token in _tokens(_CHECKING.parse(body, defined)):
        match token.type:
            case "html_block" | "html_inline":
                faults.append((line, f"HTML is not allowed: {_short(token.content)}"))
            case "heading_open" if token.tag == "h1":
                faults.append((line, "A heading of the first level is the title's: write ## here."))
            case "link_open":
                address = str(token.attrs.get("href", ""))
                if found := _is_article(address):
                    articles[found[1]] = None
                elif found := _is_file(address):
                    files[found[1]] = None
                elif not _is_elsewhere(address):
                    faults.append((line, _leads_nowhere(address)))
            case "image":
                address = str(token.attrs.get("src", ""))
                if found := _is_file(address):
                    files[found[1]] = None
                else:
                    said = f"A picture is a file of the article, such as file:clock.png, not {_named(address)}"
                    faults.append((line, said))
    known = {fault for _, fault in faults}
    for line, address in _definitions(defined):
        if not _may_be_shown(address) and _leads_nowhere(address) not in known:
            faults.append((line, _leads_nowhere(address)))
    return Check(_first(sorted(faults, key=lambda fault: fault[0])), tuple(articles), tuple(files))


def render(body: str) -> Rendering:
    """The HTML of this Markdown, sanitised, and its words."""
    tokens = _RENDERING.parse(body)
    html = nh3.clean(
        _RENDERING.renderer.render(tokens, _RENDERING.options, {}),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "article", "file"},
        link_rel=None,
    )
    headings, paragraphs, others = [], [], []
    before = ""
    for token in tokens:
        words = _words([token]).strip()
        if words:
            others.append(words)
            if before == "heading_open":
                headings.append(words)
            elif token.type == "inline":
                paragraphs.append(words)
        before = token.type
    return Rendering(html, "\n".join(others), "\n".join(headings), _opening(paragraphs))


def _kept(_tag: str, attribute: str, value: str) -> str | None:
    """What stays of an attribute. No reader's program loads anything but files of the article."""
    return None if attribute == "src" and not _is_file(value) else value


def _is_elsewhere(address: str) -> bool:
    """Whether it leads to another host, or to a mailbox. Sanitising drops the address of a link without a host."""
    found = _elsewhere(address)
    return found is not None and int(found["port"] or 0) < 1 << 16


def _first(faults: list[tuple[int, str]]) -> list[tuple[int, str]]:
    rest = faults[MOST_FAULTS:]
    return faults if len(rest) < 2 else [*faults[:MOST_FAULTS], (rest[0][0], f"{len(rest):,} more faults begin here.")]


def _may_be_shown(address: str) -> bool:
    return any(judge(address) for judge in (_is_article, _is_file, _is_elsewhere))


def _leads_nowhere(address: str) -> str:
    if re.match("https?:", address, re.IGNORECASE):
        return f"A web address is such as https://example.org/help, not {_named(address)}"
    return f"A link may lead to https:, http:, mailto:, article: or file:, not to {_named(address)}"


def _definitions(defined: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The addresses that references such as `[1]: https://…` define, with their lines. Readers get the Markdown, and
    their programs may use an address that no link here uses."""
    for each in (*defined.get("references", {}).values(), *defined.get("duplicate_refs", ())):
        yield each["map"][0] + 1, each["href"]


class _Checking(MarkdownIt):
    """Recognises HTML and accepts every address, so that faults can name them."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": True})
        self.enable(_MORE)

    def validateLink(self, url: str) -> bool:  # noqa: ARG002 - as the library calls it
        """A forbidden address is a fault, and no text."""
        return True

    def normalizeLink(self, url: str) -> str:
        """As it was written."""
        return url


class _Rendering(MarkdownIt):
    """Takes HTML for text, and leaves links with forbidden addresses as they were written."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False})
        self.enable(_MORE)

    def validateLink(self, url: str) -> bool:
        """Ours also lead to articles and files."""
        return _may_be_shown(url)


_CHECKING, _RENDERING = _Checking(), _Rendering()


def _tokens(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """Every token with its line, counted from 1. What is within a line takes the lines of its block."""
    line = 1
    for token in tokens:
        line = token.map[0] + 1 if token.map else line
        yield line, token
        within = line
        for child in token.children or ():
            yield from ((within, each) for each in _nested(child))
            within += child.type in ("softbreak", "hardbreak")


def _nested(token: Token) -> Iterator[Token]:
    yield token
    for child in token.children or ():
        yield from _nested(child)


def _words(tokens: Sequence[Token]) -> str:
    pieces = []
    for token in tokens:
        match token.type:
            case "softbreak" | "hardbreak":
                pieces.append(" ")
            case "text" | "code_inline" | "fence" | "code_block":
                pieces.append(token.content)
            case _:
                pieces.append(_words(token.children or ()))
    return "".join(pieces)


def _opening(paragraphs: Sequence[str]) -> str:
    text = " ".join(" ".join(paragraphs).split())
    if len(text) <= SUMMARY:
        return text
    ends = [end for found in _sentence_ends(text, 0, SUMMARY + 1) if (end := found.end()) <= SUMMARY]
    if ends:
        return text[: ends[-1]]
    gap = text.rfind(" ", SUMMARY - LONGEST_WORD, SUMMARY)
    return text[: gap if gap >= 0 else SUMMARY - 1] + "…"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _named(address: str) -> str:
    return f"{_short(address)}." if address else "nothing."
