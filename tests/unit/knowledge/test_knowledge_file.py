"""The knowledge base's file: what is shipped, and that a mistake names its file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.catalogue import load_catalogue
from services.chassis.yaml_file import WrongFile
from services.knowledge.knowledge_file import ArticleCategory, load_knowledge
from services.knowledge.search.analysis import analysis_of

DEPLOY = Path(__file__).parents[3] / "deploy"

GOOD = """\
language: pt_BR
categories:
  - id: news
    name: News
    names: {de: Neues, no: Nytt}
  - {id: tips, name: Tips}
synonyms:
  en:
    - [two-step login, 2fa]
    - [refund, money back]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "knowledge.yaml"
    path.write_text(text)
    return path


def stems(*words: str) -> tuple[str, ...]:
    return tuple(word.stem for text in words for word in analysis_of("en").words(text))


def test_reads_language_categories_and_synonyms(tmp_path: Path) -> None:
    read = load_knowledge(written(tmp_path, GOOD), ["safety"])
    assert read.language == "pt-BR"
    assert read.categories == {
        "news": ArticleCategory("news", "News", {"de": "Neues", "no": "Nytt"}),
        "tips": ArticleCategory("tips", "Tips", {}),
    }
    assert read.synonyms.of("en-GB", stems("lost", "2FA")) == [(1, 2, stems("two-step login"))]
    assert read.synonyms.of("de", stems("2fa")) == []


def test_everything_may_be_left_out(tmp_path: Path) -> None:
    read = load_knowledge(written(tmp_path, "language: de\n"), [])
    assert (read.language, read.categories) == ("de", {})
    assert load_knowledge(written(tmp_path, "categories: []\n"), []).language == "en"


def test_ships_two_categories_that_the_catalogue_has_not() -> None:
    catalogue = load_catalogue(DEPLOY / "catalogue.yaml").categories
    read = load_knowledge(DEPLOY / "knowledge.yaml", catalogue)
    assert (read.language, list(read.categories)) == ("en", ["start", "desk"])


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ("pt_BR", "klingon", 1, "language: Must be a language tag such as en or pt-BR."),
        ("language: pt_BR", "languages: [en]", 1, "languages: Unknown field."),
        ("id: news", "id: News!", 3, "categories.1.id: Must be an id of up to 64 lower-case letters, digits, - and _."),
        ("id: news", "id: safety", 3, "categories.1.id: safety is in the catalogue already."),
        ("id: tips", "id: news", 6, "categories.2.id: news is there already."),
        ("name: Tips", "names: {}", 6, "categories.2.name: Missing data for required field."),
        ("{de: Neues, no: Nytt}", "{de: ' '}", 5, "categories.1.names.de: Must not be blank."),
        ("{de: Neues, no: Nytt}", "{everywhere: News}", 5, "categories.1.names.everywhere: Must be a language tag"),
        ("{de: Neues, no: Nytt}", "{de: Neues, de_: Neu}", 5, "categories.1.names.de_: de is there already."),
        ("{de: Neues, no: Nytt}", "[Neues]", 5, "categories.1.names: Must be a mapping from languages."),
        ("[refund, money back]", "[refund]", 10, "synonyms.en.2: Must be a list of at least two words or phrases"),
        ("[refund, money back]", "[refund, '?!']", 10, "synonyms.en.2.2: Must have a word."),
        ("[refund, money back]", "refund", 10, "synonyms.en.2: Not a valid list."),
        ("  en:", "  klingon:", 8, "synonyms.klingon: Must be a language tag such as en or pt-BR."),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line_and_field(tmp_path: Path, right: str, wrong: str, line: int, said: str) -> None:
    path = written(tmp_path, GOOD.replace(right, wrong))
    with pytest.raises(WrongFile) as refused:
        load_knowledge(path, ["safety"])
    assert str(refused.value).startswith(f"{path}, line {line}: {said}")
