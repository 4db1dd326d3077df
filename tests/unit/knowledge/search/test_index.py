"""What comes and goes, which words find a text, in which language, in which order, page by page."""

from __future__ import annotations

import threading

import pytest

from services.knowledge.search.index import Index, search
from services.knowledge.search.one_language import MANY
from services.knowledge.search.synonyms import Synonyms
from services.knowledge.search.values import MOST_FOUND, Wanted
from tests.unit.knowledge.search.texts import found, index, text, titled


def test_a_text_is_found_as_soon_as_it_has_come_and_until_it_goes() -> None:
    made = titled("Lag", "Refunds")
    assert found(made, "refund") == ["Refunds"]
    made.replace([text("Refunds", "Chargebacks")], [("Lag", "en"), ("never there", "en"), ("Refunds", "xx")])
    assert found(made, "refund") == []
    assert found(made, "chargeback") == ["Refunds"]
    assert found(made, "lag") == []
    assert len(made) == 1


def test_of_the_same_text_twice_the_last_counts() -> None:
    made = index(text("a", "Lag"), text("a", "Refunds"))
    assert (found(made, "lag"), found(made, "refunds"), len(made)) == ([], ["a"], 1)


@pytest.mark.parametrize(
    ("language", "title", "words"),
    [
        ("en", "Recover your account", "recovering accounts"),
        ("en", "Recover your account", "acc"),
        ("en", "Recover your account", "how do i recov"),
        ("en", "Recover your account", "acount"),
        ("en", "Recover your account", "accuont"),
        ("en", "Recover your account", "accountt"),
        ("en", "Recover your account", "recovar"),
        ("en", "Recover your account", "recvoe"),
        ("en", "Lost item", "itme"),
        ("en", "Log in", "login"),
        ("en", "Log in", "log-in"),
        ("en", "Log-in", "login"),
        ("en", "Log-in", "log in"),
        ("en", "Login", "log in"),
        ("en", "Login", "log-in"),
        ("en", "E-mail address", "email"),
        ("en", "Email address", "e-mail"),
        ("en", "Don't panic", "dont panic"),
        ("de", "Häuser kaufen", "haus"),
        ("de", "Belästigung melden", "belaestigung"),
        ("de", "Belästigung melden", "belastigung"),
        ("de", "Belästigung melden", "beleastigung"),
        ("de", "Maße", "MASSE"),
        ("fr", "Obtenir de l'aide", "aide"),
        ("fr", "Récupérer mon compte", "recuperer conpte"),
        ("es", "Contraseña olvidada", "contrasena"),
        ("cs", "Zapomenuté heslo", "zapomenute"),
        ("pl", "Zgubione hasło", "haslo"),
        ("zh", "忘记密码怎么办", "密码"),
        ("ja", "パスワードを忘れた", "パスワード"),
        ("th", "ลืมรหัสผ่าน", "รหัสผ่าน"),
        ("ko", "비밀번호를 잊었습니다", "비밀번호"),
        ("ko", "결제한 돈을 돌려받기", "돈"),
        ("zh", "忘记密码怎么办", "密"),
        ("ar", "استعادة الحساب", "حساب"),
    ],
)
def test_words_find_what_people_mean(language: str, title: str, words: str) -> None:
    made = titled(title, "Zzz", language=language)
    (hit,) = search(Wanted(words, (language,)), [made]).hits
    assert hit.article == title
    assert 0 < hit.score <= 1


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Recover your account", "rcevoer"),
        ("Lost item", "itt"),
        ("Cat", "cut"),
        ("Recover your account", "r"),
        ("Recover your account", "counts"),
    ],
)
def test_but_not_what_they_do_not(title: str, words: str) -> None:
    assert found(titled(title, "Your own house"), words) == []


def test_a_word_that_texts_hold_is_no_typo() -> None:
    assert found(titled("Form", "From"), "form") == ["Form"]


def test_exact_beats_stem_beats_half_beats_typo() -> None:
    made = titled("Crashes", "Crash", "Crashlanding", "Refunds")
    assert found(made, "crashes") == ["Crashes", "Crash"]
    assert found(made, "crash") == ["Crash", "Crashes", "Crashlanding"]
    assert found(titled("Crashing", "Trash"), "crash") == ["Crashing"]


def test_the_title_counts_most_and_the_body_least() -> None:
    made = index(
        text("body", "x", body="credits"),
        text("summary", "x", summary="credits"),
        text("title", "credits"),
        text("keywords", "x", keywords=("credits",)),
    )
    assert found(made, "credits") == ["title", "keywords", "summary", "body"]


def test_words_that_every_text_has_do_not_drown_the_rest() -> None:
    made = index(text("how", "How do I do this, and how do I do that"), text("credits", "x", body="You buy credits."))
    assert found(made, "how do i buy credits") == ["credits"]
    assert found(made, "how do i") == ["how"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [("2fa", "Two-step login"), ("lost my authenticator app", "Two-step login"), ("money back", "Refunds")],
)
def test_synonyms_find_each_other_also_of_several_words(words: str, expected: str) -> None:
    synonyms = Synonyms({"en": [["two-step login", "2FA", "authenticator app"], ["refund", "money back"]]})
    made = titled("Two-step login", "Refunds", "Money")
    assert found(made, words, "en-GB", synonyms=synonyms)[:1] == [expected]
    assert expected not in found(made, words, "en-GB")


TRANSLATED = index(
    text("refunds", "Refunds"),
    text("refunds", "Erstattungen", "de"),
    text("lag", "Lag refunds"),
    text("crash", "Absturz Erstattungen", "de-AT"),
    text("crash", "Refunds", "fr"),
)


@pytest.mark.parametrize(
    ("words", "languages", "expected"),
    [
        ("erstattungen", ("de", "en"), [("refunds", "de"), ("crash", "de-AT")]),
        ("refunds", ("de", "en"), [("lag", "en")]),
        ("erstattungen", ("de-CH",), [("refunds", "de"), ("crash", "de-AT")]),
        ("erstattungen", ("de-AT",), [("crash", "de-AT"), ("refunds", "de")]),
        ("refunds", ("en",), [("refunds", "en"), ("lag", "en")]),
        ("refunds", ("pt", "en"), [("refunds", "en"), ("lag", "en")]),
        ("refunds", ("pt",), []),
        ("refunds", (), [("crash", "fr"), ("refunds", "en"), ("lag", "en")]),
    ],
)
def test_an_article_is_found_in_the_first_language_that_it_has(
    words: str, languages: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    hits = search(Wanted(words, languages), [TRANSLATED]).hits
    assert sorted((hit.article, hit.language) for hit in hits) == sorted(expected)


def test_without_a_language_the_one_that_fits_best_is_found() -> None:
    made = index(text("a", "Buy", body="credits"), text("a", "Credits", "fr", body="acheter credits"))
    (hit,) = search(Wanted("acheter credits"), [made]).hits
    assert hit.language == "fr"


def test_a_category_narrows() -> None:
    made = index(text("a", "Credits", category="billing"), text("b", "Credits", category="desk"))
    assert found(made, "credits", category="billing") == ["a"]
    assert found(made, "credits", category="other") == []


def test_pages_follow_each_other() -> None:
    made = index(*(text(f"a{number}", "credits " * (number + 1)) for number in range(45)))
    pages = [search(Wanted("credits", first=first, most=20), [made]) for first in (0, 20, 40, 60)]
    assert [len(page.hits) for page in pages] == [20, 20, 5, 0]
    assert {page.total for page in pages} == {45}
    assert len({hit.article for page in pages for hit in page.hits}) == 45
    scores = [hit.score for page in pages for hit in page.hits]
    assert scores == sorted(scores, reverse=True)


def test_a_common_word_finds_no_more_than_anybody_reads() -> None:
    made = index(*(text(f"a{number}", "credits") for number in range(MOST_FOUND + 1)))
    assert search(Wanted("credits"), [made]).total == MOST_FOUND


@pytest.fixture(scope="module")
def many() -> Index:
    """Most titles have the clock, more than a search ranks; many bodies have the face."""
    return index(
        *(text(f"clock-{number}", "clock") for number in range(max(MANY, MOST_FOUND))),
        *(text(f"face-{number}", "watch", body="face") for number in range(MANY // 2)),
        text("both", "clock", body="face"),
        text("rare", "garden", body="sundial"),
    )


@pytest.mark.parametrize("typed", ["clock sundial", "clock sund", "clock sundail", "clock dialer"])
def test_a_rare_word_in_a_body_counts_while_somebody_types(many: Index, typed: str) -> None:
    assert found(many, typed, typing=True, synonyms=Synonyms({"en": [["dialer", "sundial"]]}))[0] == "rare"


def test_a_common_word_in_a_body_counts_while_somebody_types_if_few_texts_have_it_elsewhere(many: Index) -> None:
    assert found(many, "face", typing=True)[0].startswith("face-")
    assert found(many, "face clock")[0] == "both"
    assert "both" not in found(many, "face clock", typing=True, most=5)


def test_an_article_is_suggested_in_the_language_that_fits_best_however_many_texts_each_has() -> None:
    made = index(
        *(text(f"clock-{number}", "clock") for number in range(MANY // 2)),
        *(text(f"face-{number}", "watch", body="face") for number in range(MANY // 2)),
        text("both", "watch", body="face face face clock clock clock"),
        text("both", "Uhr", "de", body="face clock"),
        *(text(f"other-{number}", "Garten", "de") for number in range(10)),
    )
    for typing in (False, True):
        hits = search(Wanted("clock face", typing=typing, most=MANY), [made]).hits
        assert [hit.language for hit in hits if hit.article == "both"] == ["en"]


def test_texts_that_are_gone_do_not_make_an_index_large() -> None:
    """Otherwise two instances with the same texts would answer differently."""
    made = index(
        *(text(f"clock-{number}", "clock") for number in range(MANY * 3 // 4)),
        text("both", "clock", body="face"),
        *(text(f"gone-{number}", "garden", body="face") for number in range(MANY // 4)),
    )
    made.replace([], [(f"gone-{number}", "en") for number in range(MANY // 8)])
    assert found(made, "face clock", typing=True)[0] == "both"


def test_several_indexes_are_searched_as_one() -> None:
    public, internal = titled("Credits"), titled("Staff credits")
    assert found([public, internal], "credits") == ["Credits", "Staff credits"]
    assert found([public], "staff credits") == ["Credits"]
    assert search(Wanted("stff"), [public]).did_you_mean is None
    assert search(Wanted("stff"), [public, internal]).did_you_mean == "staff"


@pytest.mark.parametrize(
    ("language", "words", "meant"),
    [
        ("en", "how to recovr my acount?", "how to recover my account?"),
        ("en", "Pasword RESET", "password RESET"),
        ("en", "recovr acc", "recover acc"),
        ("en", "recover my account", None),
        ("en", "qwertzuiop", None),
        ("en", "recoverring", None),
        ("en", "", None),
        ("en", "acount " * 142 + "recovr", None),
        ("de", "zuruecksezten", "zurücksetzen"),
        ("de", "löshcen", "löschen"),
    ],
)
def test_did_you_mean_corrects_what_no_text_holds(language: str, words: str, meant: str | None) -> None:
    made = index(
        text("a", "Recover your account", body="Reset the password"),
        text("b", "Passwort zurücksetzen", "de", body="Löschen"),
    )
    assert search(Wanted(words, (language,)), [made]).did_you_mean == meant


def test_each_language_reads_a_word_its_own_way() -> None:
    made = index(text("a", "Blau", "de"), text("b", "Blue queue"), text("c", "L'aide", "fr"))
    assert search(Wanted("blue queue l'aide"), [made]).did_you_mean is None
    assert search(Wanted("blue qeue"), [made]).did_you_mean == "blue queue"


def test_a_text_that_is_gone_is_never_meant() -> None:
    made = titled("Xylophone", "Other")
    assert search(Wanted("xylofone"), [made]).did_you_mean == "xylophone"
    made.replace([], [("Xylophone", "en")])
    assert search(Wanted("xylofone"), [made]).did_you_mean is None
    assert found(made, "xyloph") == []


def test_one_thread_replaces_while_others_search() -> None:
    made = titled("Credits 0", "Steady credits")
    ended = threading.Event()
    faults: list[object] = []

    def look() -> None:
        while not ended.is_set():
            hits = found(made, "credits pasword")
            if "Steady credits" not in hits or len(set(hits)) != len(hits):
                faults.append(hits)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(12):
        made.replace(
            [text(f"Credits {number + 1}", f"Credits {number + 1} password{number}")], [(f"Credits {number}", "en")]
        )
        assert sorted(found(made, "credits")) == [f"Credits {number + 1}", "Steady credits"]
    ended.set()
    for reader in readers:
        reader.join()
    assert not faults


def test_replacing_is_one_at_a_time() -> None:
    made = Index()
    writers = [threading.Thread(target=made.replace, args=([text(f"a{n}", "Credits")],)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(found(made, "credits")) == len(made) == 8


def test_a_search_in_the_middle_of_a_change_has_scores_too() -> None:
    """A word may be counted in a text that is not counted yet."""
    made = titled("Refunds")
    made.languages["en"].vocabulary.texts = 0
    (hit,) = search(Wanted("refunds"), [made]).hits
    assert 0 < hit.score <= 1
