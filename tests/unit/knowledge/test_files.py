"""Files of articles: they come in parts in any order, are known by their content, and are public with their article."""

from __future__ import annotations

import base64
from hashlib import sha256
from itertools import permutations
from typing import Any

import pytest

from contracts.articles import ArticleEvent, ArticleFilePart
from services.chassis.decision import Decision, Message
from services.knowledge.domain.articles.files import TAKEN
from services.knowledge.domain.taken import decide
from services.knowledge.domain.values.file import Part, kind_of
from tests.unit.knowledge.base import AGENT, CHANNEL, EDITOR, Base, accepted, answer, refused
from tests.unit.said import as_a

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
PIECES = [PNG[:500], PNG[500:900], PNG[900:]]


def a_base() -> Base:
    base = Base()
    base.write(body="See it.\n")
    return base


def part(
    number: int, content: bytes, of: int = 1, name: str = "clock.png", upload: str = "u1", **more: Any
) -> dict[str, Any]:
    sent = {"upload": upload, "name": name, "part": number, "parts": of, "content": base64.b64encode(content).decode()}
    return {"article_id": "seven-days", **sent, **more}


def attach(base: Base, *pieces: bytes, **more: Any) -> Decision:
    for number, piece in enumerate(pieces, 1):
        decision = base.send("article.attach", **part(number, piece, len(pieces), **more))
        accepted(decision)
    return decision


def got(base: Base, number: int | None = None, sender: str = CHANNEL, name: str = "clock.png") -> ArticleFilePart:
    more: dict[str, Any] = {} if number is None else {"part": number}
    return answer(base.send("article.download", sender, article_id="seven-days", name=name, **more), ArticleFilePart)


@pytest.mark.parametrize("order", [*permutations([1, 2, 3])])
def test_a_file_comes_in_parts_in_any_order(order: tuple[int, ...]) -> None:
    base = a_base()
    for number in order:
        assert base.article().files == ()
        accepted(base.send("article.attach", **part(number, PIECES[number - 1], 3)))
    (file,) = base.viewed_by().article.files
    assert (file.name, file.media_type, file.size, file.sha256) == (
        "clock.png",
        "image/png",
        len(PNG),
        sha256(PNG).hexdigest(),
    )
    assert b"".join(got(base, number).content for number in (1, 2, 3)) == PNG
    assert (got(base).part, got(base).parts) == (1, 3)
    assert base.article().version == 3


def the_last_two(base: Base) -> list[Message[Any]]:
    return [base.message("article.attach", **part(number, PIECES[number - 1], 3)) for number in (2, 3)]


def test_the_last_parts_at_two_instances_at_once_get_in_each_others_way() -> None:
    """Otherwise each would miss the other's part, and the file would never be whole."""
    base = a_base()
    accepted(base.send("article.attach", **part(1, PIECES[0], 3)))
    views = [(message, base.read_for([message])) for message in the_last_two(base)]
    first, second = ({change.key for change in decide(view, message, base.now).changes} for message, view in views)
    assert first & second


def test_the_last_parts_may_come_in_one_turn() -> None:
    base = a_base()
    accepted(base.send("article.attach", **part(1, PIECES[0], 3)))
    base.turn(the_last_two(base))
    assert [file.size for file in base.article().files] == [len(PNG)]


def test_a_part_that_comes_again_changes_nothing() -> None:
    base = a_base()
    accepted(base.send("article.attach", **part(1, PIECES[0], 3)))
    assert not base.send("article.attach", **part(1, PIECES[0], 3)).changes
    attach(base, *PIECES)
    version = base.article().version
    assert not base.send("article.attach", **part(2, PIECES[1], 3)).changes
    assert base.article().version == version


def test_a_file_with_the_name_of_another_takes_its_place() -> None:
    base = a_base()
    attach(base, PNG)
    attach(base, b"GIF89a" + bytes(100), upload="u2")
    (file,) = base.article().files
    assert file.media_type == "image/gif"
    assert got(base).content == b"GIF89a" + bytes(100)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0JFIF", "image/jpeg"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
        (b"<html>", None),
        (b"BM" + bytes(60), None),
        (b"PK\x03\x04" + bytes(40), None),
        (b" \x89PNG\r\n\x1a\n", None),
    ],
)
def test_a_file_is_known_by_its_content(content: bytes, kind: str | None) -> None:
    assert kind_of(content) == kind


def test_what_is_no_picture_and_no_pdf_is_refused() -> None:
    base = a_base()
    for content in (b"<svg onload=alert(1)>" * 3, b"MZ" + bytes(100), b"short"):
        found = refused(base.send("article.attach", **part(1, content)), "invalid")
        assert found.errors == {"content": [TAKEN]}
    accepted(base.send("article.attach", **part(2, b"tail", 2)))
    refused(base.send("article.attach", **part(1, b"<html>" * 10, 2)), "invalid")
    assert base.article().files == ()


@pytest.mark.parametrize("name", ["", "../a.png", "a b.png", ".hidden", "a/b.png", "x" * 101, "\u202egnp.a"])
def test_a_file_has_a_plain_name(name: str) -> None:
    found = refused(a_base().send("article.attach", **part(1, PNG, name=name)), "invalid")
    assert found.errors == {"name": ["Must be of letters, digits, ., - and _, such as clock.png."]}


def test_a_part_beyond_the_end_is_refused() -> None:
    base = a_base()
    assert refused(base.send("article.attach", **part(3, PNG, 2)), "invalid").errors == {
        "part": ["The file has 2 parts."]
    }
    attach(base, PNG)
    beyond = refused(
        base.send("article.download", CHANNEL, article_id="seven-days", name="clock.png", part=2), "invalid"
    )
    assert beyond.errors == {"part": ["The file has 1 part."]}


def test_an_article_has_fifty_files_at_most() -> None:
    base = a_base()
    for number in range(50):
        attach(base, PNG, name=f"a{number}.png")
    found = refused(base.send("article.attach", **part(1, PNG, name="one-more.png")), "invalid")
    assert found.errors == {"name": ["An article has at most 50 files."]}
    attach(base, b"GIF89a" + bytes(9), name="a7.png", upload="u2")


def test_a_text_with_a_picture_is_published_once_the_article_has_it() -> None:
    base = a_base()
    base.save(body="![clock](file:clock.png)\n")
    refused(base.publish(), "invalid")
    attach(base, PNG)
    accepted(base.publish())
    shown = refused(base.send("article.detach", article_id="seven-days", name="clock.png"), "wrong_status")
    assert shown.message == "The published text in en shows clock.png: publish one without it first."
    base.send("article.withdraw", article_id="seven-days")
    accepted(base.send("article.detach", article_id="seven-days", name="clock.png"))
    gone = refused(base.send("article.detach", article_id="seven-days", name="clock.png"), "invalid")
    assert gone.errors == {"name": ["The article has no file clock.png."]}


def test_files_are_public_with_their_article_and_gone_with_it() -> None:
    base = a_base()
    attach(base, PNG)
    assert got(base).content == PNG
    base.send("article.move", article_id="seven-days", audience="internal")
    unknown = refused(
        base.send("article.download", CHANNEL, article_id="seven-days", name="clock.png"), "unknown_article"
    )
    assert got(base, sender=AGENT).content == PNG
    base.send("article.withdraw", article_id="seven-days")
    for sender in (CHANNEL, AGENT):
        again = refused(
            base.send("article.download", sender, article_id="seven-days", name="clock.png"), "unknown_article"
        )
        assert again == unknown
    assert got(base, sender=EDITOR).content == PNG, "editors see what they will publish"


def test_readers_are_told_of_a_change_of_files_in_each_language() -> None:
    base = a_base()
    base.send("article.translate", article_id="seven-days", language="de", title="Wann?", body="Nach 7 Tagen.\n")
    base.publish()
    base.said.clear()
    base.later(minutes=1)
    looked = base.now
    base.later(minutes=1)
    base.send("article.attach", **part(1, PIECES[0], 3))
    base.send("article.attach", **part(2, PIECES[1], 3))
    assert base.said == [], "the file is not there yet"
    base.send("article.attach", **part(3, PIECES[2], 3))
    told = [as_a(ArticleEvent, say.data).article for say in base.said]
    assert [(each.language, each.version, [file.name for file in each.files]) for each in told] == [
        ("en", 5, ["clock.png"]),
        ("de", 5, ["clock.png"]),
    ]
    assert {say.type for say in base.said} == {"article.published"}
    (hit,) = base.found("article.list", changed_since=looked.isoformat()).articles
    assert (hit.version, base.viewed_by().article.version) == (5, 5)
    base.said.clear()
    base.send("article.detach", article_id="seven-days", name="clock.png")
    told = [as_a(ArticleEvent, say.data).article for say in base.said]
    assert [(each.language, each.version, each.files) for each in told] == [("en", 6, []), ("de", 6, [])]


def test_of_files_of_a_draft_nobody_is_told() -> None:
    base = Base()
    base.save()
    attach(base, PNG)
    base.send("article.detach", article_id="seven-days", name="clock.png")
    assert (base.said, base.article().told) == ([], None)


def test_every_change_of_files_is_a_version() -> None:
    base = a_base()
    attach(base, *PIECES)
    base.send("article.detach", article_id="seven-days", name="clock.png")
    versions = [base.state.version("seven-days", number) for number in (3, 4)]
    assert [(each.what, each.title) for each in versions if each] == [
        ("attached", "clock.png"),
        ("detached", "clock.png"),
    ]
    assert len(base.state.all_of(Part)) == 3, "the sweeper removes them later"
