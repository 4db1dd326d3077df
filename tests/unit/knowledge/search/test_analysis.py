"""What people take for the same word is the same word; what they do not is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.knowledge.search.analysis import analysis_of


def words(text: str, language: str) -> list[str]:
    return [word.word for word in analysis_of(language).words(text)]


def stems(text: str, language: str) -> list[str]:
    return [word.stem for word in analysis_of(language).words(text)]


@pytest.mark.parametrize(
    ("language", "some", "others"),
    [
        ("en", "Résumé CAFÉ", "resume cafe"),
        ("en", "don't can’t", "dont cant"),
        ("en", "ｌｏｇｉｎ ﬁle", "login file"),
        ("en", "pass\u00adword log\u200bin", "password login"),
        ("de", "Straße groß", "STRASSE gross"),
        ("de", "Käufe löschen für", "kaeufe loeschen fuer"),
        ("de", "Käufe löschen für", "Kaufe loschen fur"),
        ("de", "Feuer neue Quelle", "feuer NEUE quelle"),
        ("fr", "l'aide qu’il", "l aide qu il"),
        ("fr", "œuvre déjà ça", "oeuvre deja ca"),
        ("es", "contraseña ¿Dónde?", "contrasena donde"),
        ("da", "Ærø smørrebrød", "aero smorrebrod"),
        ("pl", "Łódź", "lodz"),
        ("tr", "İstanbul ışık", "istanbul isik"),
        ("el", "Άγιος ΟΔΌΣ", "αγιος οδος"),
        ("ru", "Ёлка", "елка"),
        ("he", "שָׁלוֹם", "שלום"),
        ("ar", "كِتَاب كـــتاب", "كتاب كتاب"),
        ("vi", "tiếng Việt", "tieng viet"),
        ("ja", "ﾊﾟｽﾜｰﾄﾞ", "パスワード"),
    ],
)
def test_people_take_these_for_the_same(language: str, some: str, others: str) -> None:
    assert words(some, language) == words(others, language) != []


@pytest.mark.parametrize(
    ("language", "some", "others"),
    [("ru", "й", "и"), ("en", "resume", "resumes"), ("de", "neue", "neu"), ("hi", "की", "का")],
)
def test_but_not_these(language: str, some: str, others: str) -> None:
    assert words(some, language) != words(others, language)


@pytest.mark.parametrize(
    ("language", "some", "others"),
    [
        ("en", "crash", "crashes crashing crashed"),
        ("en-GB", "account", "accounts account's"),
        ("de", "Haus", "Häuser Haeuser Hauses"),
        ("de-AT", "melden", "meldet melde"),
        ("fr", "bloquer", "bloque bloqué bloques"),
        ("es", "cuenta", "cuentas"),
        ("pt-BR", "conta", "contas"),
        ("it", "ricarica", "ricariche"),
        ("nl", "kosten", "kost"),
    ],
)
def test_forms_of_a_word_have_one_stem(language: str, some: str, others: str) -> None:
    assert set(stems(others, language)) == set(stems(some, language))


@pytest.mark.parametrize("language", ["cs", "uk", "xx", "", "tlh-Latn"])
def test_a_language_without_stemmer_goes_by_whole_words(language: str) -> None:
    assert stems("Účty účty účtů", language) == ["ucty", "ucty", "uctu"]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("忘记密码", ["忘记", "记密", "密码"]),
        ("パスワード", ["パス", "スワ", "ワー", "ード"]),
        ("리셋", ["리셋"]),
        ("码", ["码"]),
        ("ไทย", ["ไท", "ทย"]),
        ("iPhone手机 2步", ["iphone", "手机", "2", "步"]),
    ],
)
def test_languages_without_gaps_go_by_pairs(text: str, pairs: list[str]) -> None:
    for language in ("zh-Hans", "ja", "th", "ko", "en"):
        assert words(text, language) == pairs


def test_vowels_of_thai_and_hindi_belong_to_their_letter() -> None:
    assert words("เข้า", "th") == ["เข้", "ข้า"]
    assert words("हिन्दी में", "hi") == ["हिन्दी", "में"]


def test_what_hyphens_join_is_a_word_too() -> None:
    joined, _ = analysis_of("en").indexed("Two-step log-in, well - known")
    assert joined.split() == ["two", "step", "log", "in", "well", "known", "twostep", "login"]


def test_what_is_too_long_for_a_word_is_cut() -> None:
    assert words("x" * 1_000, "en") == ["x" * 60]


def test_says_where_each_word_stands() -> None:
    text = "Où est l'aide_pages ? 忘记"
    places = [text[word.start : word.end] for word in analysis_of("fr").words(text)]
    assert places == ["Où", "est", "l", "aide", "pages", "忘记"]


@given(st.text(), st.sampled_from(["en", "de", "fr", "zh", "cs", "ar"]))
def test_any_text_is_cut_the_same_way_for_index_and_question(text: str, language: str) -> None:
    found = list(analysis_of(language).words(text))
    assert all(0 <= word.start < word.end <= len(text) for word in found)
    assert all(word.word and not any(map(str.isspace, word.word + word.stem)) for word in found)
    indexed, indexed_stems = analysis_of(language).indexed(text)
    assert indexed.split()[: len(found)] == [word.word for word in found]
    assert indexed_stems.split()[: len(found)] == [word.stem for word in found]


@given(
    st.text(alphabet="abeg'_- \u0301\u200b\u3164éß東京l", max_size=40),
    st.sampled_from(["en", "de", "fr", "nl", "zh"]),
    st.integers(1, 3),
)
def test_some_words_are_found_as_when_all_are_looked_at(text: str, language: str, every: int) -> None:
    analysis = analysis_of(language)
    all_words = list(analysis.words(text))
    some = {word.word for word in all_words[::every]}
    of_stems = {word.stem for word in all_words[1::3]}
    expected = [(at, word) for at, word in enumerate(all_words) if word.word in some or word.stem in of_stems]
    assert list(analysis.words_among(text, some, of_stems)) == expected
