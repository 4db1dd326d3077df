"""Markdown without HTML: each fault names its line, and nothing runs in what is published."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.knowledge.domain.markdown import MOST_FAULTS, SUMMARY, check, render


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ("Hello <b>you</b>", ["Line 1: HTML is not allowed: <b>", "Line 1: HTML is not allowed: </b>"]),
        ("One\ntwo\nthree <i>", ["Line 3: HTML is not allowed: <i>"]),
        ("One\n\n<div>\nx\n</div>", ["Line 3: HTML is not allowed: <div> x </div>"]),
        ("<!-- a note -->", ["Line 1: HTML is not allowed: <!-- a note -->"]),
        ("x\n\n# Title", ["Line 3: A heading of the first level is the title's: write ## here."]),
        ("Title\n=====", ["Line 1: A heading of the first level is the title's: write ## here."]),
        (
            "- a\n- [x](javascript:alert(1))",
            ["Line 2: A link may lead to https:, http:, mailto:, article: or file:, not to javascript:alert(1)."],
        ),
        (
            "[x](JaVaScRiPt:x)",
            ["Line 1: A link may lead to https:, http:, mailto:, article: or file:, not to JaVaScRiPt:x."],
        ),
        ("[x](/prices)", ["Line 1: A link may lead to https:, http:, mailto:, article: or file:, not to /prices."]),
        ("[x]()", ["Line 1: A link may lead to https:, http:, mailto:, article: or file:, not to nothing."]),
        (
            "[x](article:A!)",
            ["Line 1: A link may lead to https:, http:, mailto:, article: or file:, not to article:A!."],
        ),
        (
            "[x](file:../a.pdf)",
            ["Line 1: A link may lead to https:, http:, mailto:, article: or file:, not to file:../a.pdf."],
        ),
        (
            "[r]\n\n[r]: data:x",
            ["Line 1: A link may lead to https:, http:, mailto:, article: or file:, not to data:x."],
        ),
        (
            "[r]\n\n[r]: https://x.example\n\n[r]: javascript:a",
            ["Line 5: A link may lead to https:, http:, mailto:, article: or file:, not to javascript:a."],
        ),
        (
            "- a\n\n  [never]: <java\tscript:a>",
            ["Line 3: A link may lead to https:, http:, mailto:, article: or file:, not to java script:a."],
        ),
        ("[r] ![p]\n\n[r]: article:a\n[p]: file:a.png", []),
        ("[x](https:x)", ["Line 1: A web address is such as https://example.org/help, not https:x."]),
        ("<HTTP://>", ["Line 1: A web address is such as https://example.org/help, not HTTP://."]),
        ("| a |\n| - |\n| <u> |", ["Line 3: HTML is not allowed: <u>"]),
        ("`<b>` and\n\n```\n<script>\n```\n\n1 < 2 & 3", []),
        ("[a](https://x.example) <https://y.example> [m](mailto:a@b.example) ~~s~~", []),
    ],
)
def test_each_fault_names_its_line(body: str, faults: list[str]) -> None:
    assert list(check(body).faults) == faults


@pytest.mark.parametrize("faults", [MOST_FAULTS, MOST_FAULTS + 1])
def test_all_of_some_faults_are_named(faults: int) -> None:
    assert len(check("[x](y)\n" * faults).faults) == faults


def test_of_many_faults_the_first_are_named_and_the_others_counted() -> None:
    said = check("[x](y)\n" * (MOST_FAULTS + 1200)).faults
    assert len(said) == MOST_FAULTS + 1
    assert said[-2:] == [
        f"Line {MOST_FAULTS}: A link may lead to https:, http:, mailto:, article: or file:, not to y.",
        f"Line {MOST_FAULTS + 1}: 1,200 more faults begin here.",
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("![x](https://x.example/a.png)", "https://x.example/a.png"),
        ("![x](HTTP://x.example/a.png)", "HTTP://x.example/a.png"),
        ("![x](//x.example/a.png)", "//x.example/a.png"),
        ("![x](data:image/png,A)", "data:image/png,A"),
        ("![x](file:../a.png)", "file:../a.png"),
        ("![x](file://x.example/a.png)", "file://x.example/a.png"),
        ("![x](article:clock)", "article:clock"),
        ("![x](a.png)", "a.png"),
        ("![x]()", "nothing"),
        ("[![x](http://x.example/a.png)](https://y.example)", "http://x.example/a.png"),
        ("![x][r]\n\n[r]: https://x.example/a.png", "https://x.example/a.png"),
    ],
)
def test_a_picture_is_a_file_of_the_article(body: str, said: str) -> None:
    expected = f"Line 3: A picture is a file of the article, such as file:clock.png, not {said}."
    assert list(check(f"One\n\n{body}").faults) == [expected]


def test_what_a_text_names() -> None:
    found = check(
        "[a](article:case-statuses) [b](article:escalation)\n\n[a](article:case-statuses) ![c](file:my%20clock.png)"
        " [d](file:form.pdf)"
    )
    assert found.articles == ("case-statuses", "escalation")
    assert found.files == ("my%20clock.png", "form.pdf")


@pytest.mark.parametrize(
    "address",
    [
        *(
            "https://x.example",
            "HTTPS://x.example:8080/a?b=c#d",
            "https://user@x.example/",
            "http://[::1]/a",
            "http://x:65535",
        ),
        *("https://bücher.example/ü", "https://x.example/a%20b", "mailto:a@b.example?subject=c"),
        *(
            "https://",
            "https:x",
            "https:///a",
            "https://?a",
            "https://a[b",
            "https://x.example:99999",
            "http://%",
            "https:",
        ),
        *("https://a:b", "https://a^b", "https://a|b/", "mailto:", "https://x@/"),
    ],
)
def test_a_link_without_fault_keeps_its_address(address: str) -> None:
    text = f"[x](<{address}>)"
    assert ("href=" in render(text).html) == (not check(text).faults)


def test_a_link_leads_to_a_file_of_the_article() -> None:
    """A PDF cannot be shown as a picture."""
    assert render("[the form](file:form.pdf)").html == '<p><a href="file:form.pdf">the form</a></p>\n'


def test_readers_get_html_words_and_headings() -> None:
    text = "First [link](article:a-b).\n\n## A *head*\n\n- one\n- `two`\n\n| a | b |\n|--|--|\n| 1 | ~~2~~ |\n\n"
    rendering = render(f"{text}![clock](file:clock.png)")
    assert '<a href="article:a-b">link</a>' in rendering.html
    assert '<img src="file:clock.png" alt="clock">' in rendering.html
    assert "<s>2</s>" in rendering.html
    assert rendering.headings == "A head"
    assert rendering.plain.split("\n") == ["First link.", "A head", "one", "two", "a", "b", "1", "2", "clock"]


def test_a_summary_ends_with_a_sentence() -> None:
    assert render("Short. Text.").opening == "Short. Text."
    opening = render("One sentence. " * 40).opening
    assert opening.endswith("sentence.")
    assert len(opening) <= SUMMARY
    assert render("word " * 200).opening.endswith("word…")


@pytest.mark.parametrize(
    ("sentence", "opening"),
    [
        ("如果忘记了密码，请在登录页面选择“忘记密码”。", "如果忘记了密码，请在登录页面选择“忘记密码”。" * 13),
        ("「パスワードを忘れた。」", "「パスワードを忘れた。」" * 25),
        ("ลืมรหัสผ่าน", f"{'ลืมรหัสผ่าน' * 28}"[: SUMMARY - 1] + "…"),
        ("How? Why? ", f"{'How? Why? ' * 30}".strip()),
        ("क्या आप अपना पासवर्ड भूल गए हैं। ", f"{'क्या आप अपना पासवर्ड भूल गए हैं। ' * 9}".strip()),
    ],
)
def test_a_summary_ends_with_a_sentence_in_languages_without_gaps_too(sentence: str, opening: str) -> None:
    assert render(sentence * 50).opening == opening


def test_a_summary_does_not_end_within_a_number() -> None:
    text = f"Read these. {'a ' * 143}3.14 and more."
    assert text[SUMMARY - 1] == "."
    assert render(text).opening == "Read these."


def test_readers_load_no_picture_from_elsewhere() -> None:
    """Also of a text that was saved before the check refused them."""
    html = render("![a](https://x.example/a.png) ![b](file:b.png) ![c](article:c)").html
    assert re.findall("<img[^>]*>", html) == ['<img alt="a">', '<img src="file:b.png" alt="b">', '<img alt="c">']


DANGEROUS = re.compile(
    r"<(?:script|style|iframe|svg|math|object|form)|\son\w+\s*=|href=\"?\s*(?:javascript|data|vbscript)"
    r"|src=(?!\"file:[^/\\]+\")",
    re.I,
)
PIECES = st.sampled_from(
    [
        *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "onclick="),
        *(
            "[x](javascript:alert(1))",
            "&#x6A;avascript:",
            "[a]: javascript:x\n",
            "[a]",
            "data:text/html,",
            "http://",
            "file:",
        ),
        *("![", "](", ")", "(", "<", ">", "`", "```", "\n\n", "    ", "- ", "> ", '"', "'", "|", "\n|-|\n", "~~", "\\"),
        *("<!--", "-->", "<![CDATA[", "]]>", "&lt;", "article:", "é", "\0", "\u202e"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(PIECES, max_size=30))
def test_nothing_runs_whatever_is_written(pieces: list[str]) -> None:
    """Also if a text was saved that the check would refuse."""
    rendering = render("".join(pieces))
    tags = "".join(re.findall(r"<[^>]*>", rendering.html))
    assert DANGEROUS.search(tags) is None, rendering.html
    check("".join(pieces))
