"""Limits on media type look at the content, not at the name."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.files.media import HEAD, TAKEN, found_in, refusal


def zipped(name: str, content: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


OFFICE = "application/vnd.openxmlformats-officedocument"
FILES = {
    "image/png": b"\x89PNG\r\n\x1a\n" + bytes(30),
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(20),
    "image/gif": b"GIF89a" + bytes(20),
    "image/bmp": b"BM" + bytes(60),
    "image/tiff": b"II*\x00" + bytes(20),
    "image/webp": b"RIFF\x24\x08\x00\x00WEBPVP8 " + bytes(20),
    "image/heic": b"\x00\x00\x00\x18ftypheic" + bytes(20),
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
    "application/rtf": b"{\\rtf1\\ansi hello}",
    "application/msword": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "application/vnd.ms-excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "application/vnd.ms-powerpoint": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    f"{OFFICE}.wordprocessingml.document": zipped("[Content_Types].xml", "<x/>"),
    f"{OFFICE}.spreadsheetml.sheet": zipped("[Content_Types].xml", "<x/>"),
    f"{OFFICE}.presentationml.presentation": zipped("[Content_Types].xml", "<x/>"),
    "application/vnd.oasis.opendocument.text": zipped("mimetype", "application/vnd.oasis.opendocument.text"),
    "application/vnd.oasis.opendocument.spreadsheet": zipped(
        "mimetype", "application/vnd.oasis.opendocument.spreadsheet"
    ),
    "application/vnd.oasis.opendocument.presentation": zipped(
        "mimetype", "application/vnd.oasis.opendocument.presentation"
    ),
    "audio/mpeg": b"ID3\x03\x00" + bytes(30),
    "audio/ogg": b"OggS\x00\x02" + bytes(30),
    "audio/wav": b"RIFF\x24\x08\x00\x00WAVEfmt " + bytes(20),
    "video/mp4": b"\x00\x00\x00\x18ftypmp42" + bytes(20),
    "video/quicktime": b"\x00\x00\x00\x14ftypqt  " + bytes(20),
    "video/webm": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + bytes(20),
    "application/json": b'{"order": 88}',
    "text/csv": b"a,b\n1,2\n",
    "text/markdown": b"# It does not start\n",
    "text/plain": "Es läuft nicht – seit gestern.\r\n".encode(),
}


def test_every_type_that_is_taken_is_tried_here() -> None:
    assert set(FILES) == TAKEN


@pytest.mark.parametrize("media_type", FILES)
def test_a_file_is_taken_as_what_it_is(media_type: str) -> None:
    assert refusal(media_type, FILES[media_type][:HEAD]) is None
    assert refusal(f"{media_type.upper()}; charset=utf-8", FILES[media_type][:HEAD]) is None


@pytest.mark.parametrize(
    ("declared", "head"),
    [
        ("image/png", b"MZ" + bytes(60)),
        ("image/png", FILES["image/jpeg"]),
        ("image/png", b"<html><script>alert(1)</script></html>"),
        ("application/pdf", b"#!/bin/sh\nrm -rf /"),
        ("text/plain", b"\x7fELF" + bytes(60)),
        ("text/plain", b"<!DOCTYPE html><html></html>"),
        ("text/csv", b"a,\x00b"),
        ("image/png", b""),
    ],
)
def test_a_file_that_only_calls_itself_so_is_refused(declared: str, head: bytes) -> None:
    assert refusal(declared, head) == f"It is not {declared} by its content."


@pytest.mark.parametrize(
    "declared", ["text/html", "image/svg+xml", "application/x-msdownload", "application/zip", "what/ever"]
)
def test_what_could_run_or_hide_something_is_not_taken(declared: str) -> None:
    assert refusal(declared, b"") == f"Files of type {declared} are not taken."


@pytest.mark.parametrize(
    "page",
    [
        "<HTML>",
        "\n\t <html lang='en'>",
        "\ufeff<html>",
        " <!DocType HTML>",
        "<script>alert(1)</script>",
        "<Script src=x>",
        "<iframe src=x>",
        "<p/><script>alert(1)</script>",
        "<!-- nothing --><html>",
        "<svg/onload=alert(1)>",
        "<?xml version='1.0'?>\n<!-- a picture -->\n<svg xmlns='http://www.w3.org/2000/svg'>",
        "<?xml version='1.0'?><x:html xmlns:x='http://www.w3.org/1999/xhtml'>",
    ],
)
@pytest.mark.parametrize("declared", ["text/plain", "text/markdown"])
def test_a_page_is_no_text_however_it_is_written(declared: str, page: str) -> None:
    assert refusal(declared, page.encode()) == f"It is not {declared} by its content."


@pytest.mark.parametrize(
    "text", ["<3", "<Ada> writes: <html> is wrong", "<?xml version='1.0'?><order/>", "<bold>", "a <b>"]
)
def test_text_with_brackets_is_text(text: str) -> None:
    assert refusal("text/plain", text.encode()) is None


def test_text_may_be_cut_within_a_character() -> None:
    assert refusal("text/plain", ("ä" * HEAD).encode()[: HEAD - 1]) is None


@given(st.binary(max_size=200))
def test_whatever_it_is_there_is_an_answer(head: bytes) -> None:
    assert found_in(head)
