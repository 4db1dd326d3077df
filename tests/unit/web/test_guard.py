"""Which requests may change something, and where people may be sent back to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.guard import is_ours, may_come_in, origin_of, way_back

OWN = "https://help.example"


@pytest.mark.parametrize(
    ("method", "headers", "allowed"),
    [
        ("GET", {}, True),
        ("HEAD", {"sec-fetch-site": "cross-site"}, True),
        ("POST", {"sec-fetch-site": "same-origin"}, True),
        ("POST", {"sec-fetch-site": "same-origin", "origin": "null"}, True),
        ("POST", {"sec-fetch-site": "same-site"}, False),
        ("POST", {"sec-fetch-site": "cross-site"}, False),
        ("POST", {"sec-fetch-site": "none"}, False),
        ("POST", {"sec-fetch-site": "cross-site", "origin": OWN}, False),
        ("POST", {"sec-fetch-site": ""}, False),
        ("POST", {"origin": OWN}, True),
        ("POST", {"origin": "http://help.example"}, False),
        ("POST", {"origin": "https://help.example.evil.example"}, False),
        ("POST", {"origin": "https://help.example:8443"}, False),
        ("POST", {"origin": "null"}, False),
        ("POST", {"referer": f"{OWN}/cases"}, False),
        ("POST", {}, False),
        ("PUT", {}, False),
        ("DELETE", {"origin": OWN}, True),
        ("OPTIONS", {}, False),
        ("post", {}, False),
    ],
)
def test_only_our_own_pages_change_something(method: str, headers: dict[str, str], allowed: bool) -> None:
    assert may_come_in(method, headers, OWN) is allowed


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://help.example", OWN),
        ("https://HELP.example:443/cases?x=1", OWN),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://help.example:80", "http://help.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://hélp.example", "https://xn--hlp-bma.example"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["", "help.example", "ftp://help.example", "https://", "https://help.example:port"])
def test_what_has_no_origin(url: str) -> None:
    with pytest.raises(ValueError):
        origin_of(url)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("help.example", True),
        ("help.example:443", True),
        ("HELP.EXAMPLE", True),
        ("help.example:8443", False),
        ("evil.example", False),
        ("help.example@evil.example", False),
        ("user@help.example", False),
        ("help.example/evil", False),
        ("help.example?x", False),
        ("help.example#y", False),
        ("help.ex\tample", False),
        ("help.example:x", False),
        ("", False),
    ],
)
def test_pages_are_made_for_our_own_name_alone(host: str, ours: bool) -> None:
    assert is_ours(host, OWN) is ours


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "evil",
        "",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_sent_to_another_site(path: str) -> None:
    assert way_back(path) == "/"


@given(st.text(st.characters(min_codepoint=0x21, exclude_characters="/\\"), min_size=1))
def test_a_path_of_ours_is_kept(rest: str) -> None:
    assert way_back(f"/{rest}") == f"/{rest}"
