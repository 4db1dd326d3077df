"""The codes that confirm addresses: the same each time, compared whole, and guessed at only a few times."""

from __future__ import annotations

from services.intake.credentials.codes import MOST_WRONG, MOST_WRONG_OF_AN_ORIGIN, WRONG_SECONDS, Codes, Guess

ADDRESS = "ann@example.org"


def test_a_code_is_of_one_account_one_address_and_one_key() -> None:
    codes = Codes("k" * 32)
    code = codes.code("temporary:z", 1)
    assert (len(code), code.isdigit()) == (8, True)
    assert code == Codes("k" * 32).code("temporary:z", 1)
    others = {codes.code("temporary:z", 2), codes.code("account:z", 1), Codes("l" * 32).code("temporary:z", 1)}
    assert len(others | {code}) == 4


def test_the_right_code_is_right_also_with_blanks_around_it() -> None:
    codes = Codes("k" * 32)
    code = codes.code("account:a", 3)
    guesses = [
        Guess("account:a", 3, code, ADDRESS),
        Guess("account:a", 3, f" {code}\n", ADDRESS),
        Guess("account:a", 2, code, ADDRESS),
    ]
    right, refused = codes.checked(guesses)
    assert (right, refused) == (frozenset(guesses[:2]), {})


def test_a_code_is_right_in_full_width_digits_and_in_groups_and_no_other_text_does_harm() -> None:
    codes = Codes("k" * 32)
    code = codes.code("account:a", 3)
    full_width = code.translate({ord("0") + n: ord("\uff10") + n for n in range(10)})
    guesses = [Guess("account:a", 3, text, ADDRESS) for text in (full_width, f"{code[:4]}\u00a0{code[4:]}", "código")]
    assert codes.checked(guesses) == (frozenset(guesses[:2]), {})


def test_ten_wrong_codes_a_minute_of_an_account_are_looked_at_and_then_not_even_the_right_one() -> None:
    clock = [0.0]
    codes = Codes("k" * 32, lambda: clock[0])
    right = Guess("account:a", 1, codes.code("account:a", 1), ADDRESS)
    wrong = [Guess("account:a", 1, f"{n}", ADDRESS) for n in range(MOST_WRONG)]
    assert codes.checked(wrong) == (frozenset(), {})
    assert codes.checked([right]) == (frozenset(), {"account:a": WRONG_SECONDS})
    other = Guess("account:b", 1, codes.code("account:b", 1), "bob@example.org")
    assert codes.checked([other]) == (frozenset([other]), {})
    clock[0] = WRONG_SECONDS + 1
    assert codes.checked([right]) == (frozenset([right]), {})


def test_whoever_opens_many_accounts_with_one_address_guesses_no_more_for_it() -> None:
    codes = Codes("k" * 32, lambda: 0.0)
    guesses = [Guess(f"temporary:{n}", 1, "wrong", ADDRESS) for n in range(MOST_WRONG + 5)]
    right, refused = codes.checked(guesses)
    assert (right, len(refused)) == (frozenset(), 5)


def test_a_guesser_leaves_some_attempts_to_whose_address_it_is() -> None:
    codes = Codes("k" * 32, lambda: 0.0)
    guesses = [Guess(f"temporary:{n}", 1, "wrong", ADDRESS, "mallory's") for n in range(50)]
    assert len(codes.checked(guesses)[1]) == 50 - MOST_WRONG_OF_AN_ORIGIN
    right = Guess("account:a", 1, codes.code("account:a", 1), ADDRESS, "ann's")
    assert codes.checked([right]) == (frozenset([right]), {})
    many = [Guess(f"temporary:{n}", 1, "wrong", ADDRESS, f"browser {n}") for n in range(50)]
    assert len(codes.checked(many)[1]) == 50 - (MOST_WRONG - MOST_WRONG_OF_AN_ORIGIN)
