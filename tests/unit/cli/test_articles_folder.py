"""Articles as a folder: what is read is written with the same bytes, and each mistake names file and line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.blank import is_blank
from deploy.cli.articles.folder import Article, ArticleFile, Found, Text, read_folder, written

OWN = "---\ntitle: Log in\ncategory: billing\n---\nSelect **Log in**.\n"
PNG = b"\x89PNG\r\n\x1a\n"
GERMAN = "---\ntitle: Anmelden\n---\nWählen Sie **Anmelden**.\n"


def own(line: str) -> str:
    """The article with a fourth line of front matter."""
    return OWN.replace("---\nS", f"{line}\n---\nS")


def no_html(body: str, files: Iterable[str]) -> Iterator[tuple[int, str]]:
    """In place of the rules of Markdown."""
    for line, text in enumerate(body.split("\n"), 1):
        if "<" in text:
            yield line, "HTML is not allowed."
        if "file:" in text and text.partition("file:")[2].strip(")") not in files:
            yield line, "There is no such file."


def folder(tmp_path: Path, files: Mapping[str, str | bytes]) -> Found:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_folder(tmp_path, no_html, ["billing", "desk"])


def test_an_article_is_read_with_its_translations_and_files(tmp_path: Path) -> None:
    own = OWN.replace("category: billing\n", "category: billing\nkeywords: [2fa, 'no']\nrelated: [buy]\n")
    found = folder(
        tmp_path,
        {
            "en/log-in.md": own + "\n![the button](file:button.png)\n",
            "de/log-in.md": GERMAN,
            "files/log-in/button.png": PNG,
            "questions.csv": "question\n",
            "README.md": "# Ours\n",
            **dict.fromkeys((".git/a.md", "en/.DS_Store", "en/.log-in.md.swp", "files/.DS_Store"), b"\0"),
            "files/log-in/.DS_Store": b"\0",
        },
    )
    assert not found.mistakes
    body = "Select **Log in**.\n\n![the button](file:button.png)"
    texts = {"de": Text("Anmelden", "Wählen Sie **Anmelden**."), "en": Text("Log in", body, None, ("2fa", "no"))}
    files = (ArticleFile("button.png", PNG),)
    assert found.articles == [Article("log-in", "billing", "public", "en", texts, ("buy",), files)]


MISTAKES: list[tuple[str, dict[str, str | bytes], list[str]]] = [
    ("no front matter", {"en/a.md": "# A\n"}, ["en/a.md, line 1: The file begins with ---"]),
    ("an empty file", {"en/a.md": ""}, ["en/a.md, line 1: The file begins with ---"]),
    ("it never ends", {"en/a.md": "---\ntitle: A\n"}, ["en/a.md, line 1: The --- that ends the front matter"]),
    ("no YAML", {"en/a.md": "---\ntitle: A\nkeywords: [a\n---\nB\n"}, ["en/a.md, line 3: This is not YAML"]),
    ("no fields", {"en/a.md": "---\nhello\n---\nB\n"}, ["en/a.md, line 1: The front matter is a list of fields"]),
    ("an unknown field", {"en/a.md": own("tags: x")}, ["en/a.md, line 4: 'tags'"]),
    ("a field twice", {"en/a.md": own("title: B")}, ["en/a.md, line 4: title is there twice"]),
    ("a text for a list", {"en/a.md": own("related: x")}, ["en/a.md, line 4: related is a list"]),
    ("a list for a text", {"en/a.md": OWN.replace("Log in\nc", "[a]\nc")}, ["en/a.md, line 2: title is text"]),
    ("no title", {"en/a.md": "---\ncategory: billing\n---\nB\n"}, ["en/a.md, line 1: title: "]),
    ("a blank title", {"en/a.md": OWN.replace("Log in\nc", "\nc")}, ["en/a.md, line 2: title: "]),
    ("a long title", {"en/a.md": OWN.replace("Log in\nc", f"{'x' * 201}\nc")}, ["en/a.md, line 2: title: "]),
    ("a wrong id in a list", {"en/a.md": own("related: [A b]")}, ["en/a.md, line 4: related.0: "]),
    ("no text", {"en/a.md": "---\ntitle: A\ncategory: billing\n---\n\n"}, ["en/a.md, line 5: body: "]),
    ("an audience", {"en/a.md": own("audience: all")}, ["en/a.md, line 4: audience: "]),
    ("two faults of Markdown", {"en/a.md": OWN + "<b>\n\n<i>\n"}, ["en/a.md, line 6: HTML", "en/a.md, line 8: HTML"]),
    ("a file that is not there", {"en/a.md": OWN + "![a](file:b.png)\n"}, ["en/a.md, line 6: There is no such file."]),
    ("not UTF-8", {"en/a.md": OWN.encode() + b"\xff"}, ["en/a.md, line 6: This is not UTF-8."]),
    ("no category", {"de/a.md": GERMAN}, ["de/a.md, line 1: No file of this article names its category"]),
    ("two own languages", {"de/a.md": OWN, "en/a.md": OWN}, ["en/a.md, line 3: An article has one language"]),
    (
        "a translation's audience",
        {"en/a.md": OWN, "de/a.md": GERMAN.replace("---\nW", "audience: public\n---\nW")},
        ["de/a.md, line 3: A translation has no audience"],
    ),
    (
        "a category that does not exist",
        {"en/a.md": OWN.replace("billing", "garden")},
        ["en/a.md, line 3: There is no category garden: they are billing, desk."],
    ),
    ("no language", {"english/a.md": OWN}, ["english: 'english' is not a language"]),
    ("a language in another form", {"pt_br/a.md": OWN}, ["pt_br: 'pt_br' is not a language"]),
    ("a name that is no id", {"en/Log in.md": OWN}, ["en/Log in.md: The name of the file is no id"]),
    ("a picture among the texts", {"en/a.md": OWN, "en/a.png": b"x"}, ["en/a.png: Only <id>.md is here"]),
    ("a file without article", {"files/b/x.png": PNG}, ["files/b: There is no article b."]),
    ("a file's name", {"en/a.md": OWN, "files/a/a b.png": PNG}, ["files/a/a b.png: The name of a file is of letters"]),
    ("no picture", {"en/a.md": OWN, "files/a/a.png": b"GIF9"}, ["files/a/a.png: An article's file is a picture"]),
    ("a file too large", {"en/a.md": OWN, "files/a/x.png": bytes(10 * 1024**2 + 1)}, ["files/a/x.png: It has more"]),
]  # fmt: skip


@pytest.mark.parametrize(("files", "said"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES])
def test_each_mistake_names_its_file_and_line(
    tmp_path: Path, files: Mapping[str, str | bytes], said: list[str]
) -> None:
    right: dict[str, str | bytes] = {"en/right.md": OWN}
    found = folder(tmp_path, {**right, **files})
    sentences = [mistake.sentence for mistake in found.mistakes]
    assert len(sentences) == len(said), sentences
    for sentence, beginning in zip(sentences, said, strict=True):
        assert sentence.startswith(beginning), sentence
        assert sentence.endswith("."), sentence
    assert "right" in {each.id for each in found.articles}, "the others are read all the same"


def test_an_article_with_a_mistake_in_one_language_is_left_out_whole(tmp_path: Path) -> None:
    found = folder(tmp_path, {"en/a.md": OWN, "de/a.md": GERMAN + "<b>\n", "en/b.md": OWN})
    assert [each.id for each in found.articles] == ["b"]


def test_all_mistakes_of_a_folder_are_named_in_order(tmp_path: Path) -> None:
    found = folder(tmp_path, {"en/b.md": "x", "en/a.md": OWN + "<b>\n", "de/c.md": GERMAN})
    assert [(each.path, each.line) for each in found.mistakes] == [("de/c.md", 1), ("en/a.md", 6), ("en/b.md", 1)]


def test_line_ends_of_windows_and_a_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    found = folder(tmp_path, {"en/a.md": b"\xef\xbb\xbf" + OWN.replace("\n", "\r\n").encode()})
    assert not found.mistakes
    assert found.articles[0].texts["en"] == Text("Log in", "Select **Log in**.")


shown = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=60).filter(
    lambda text: not is_blank(text)
)
bodies = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1).filter(
    lambda text: not is_blank(text) and "\n---\n" not in f"\n{text}\n" and "<" not in text and "file:" not in text
)
lists = st.lists(shown, max_size=3).map(tuple)
texts = st.builds(Text, shown, bodies, st.none() | shown, lists)


@given(own=texts, german=texts)
def test_whatever_is_written_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, own: Text, german: Text
) -> None:
    article = Article("a", "billing", "internal", "en", {"de": german, "en": own}, ("b",))
    place = tmp_path_factory.mktemp("articles")
    found = folder(place, {str(path): content for path, content in written(article)})
    assert not found.mistakes, found.mistakes
    assert found.articles == [article]
