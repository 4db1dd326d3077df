"""A file is what its content is: kept as that, whatever its sender says, or left out."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.files.media import HEAD, TAKEN, NotTaken, judged, text_of


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
    assert judged(media_type, FILES[media_type][:HEAD]) == media_type
    assert judged(f"{media_type.upper()}; charset=utf-8", FILES[media_type][:HEAD]) == media_type


WORD = zipped("word/document.xml", "<x/>")
OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "WordDocument\0".encode("utf-16-le") + bytes(60)


@pytest.mark.parametrize(
    ("declared", "content", "kept_as"),
    [
        ("image/jpg", FILES["image/jpeg"], "image/jpeg"),
        ("image/pjpeg", FILES["image/jpeg"], "image/jpeg"),
        ("image/png", FILES["image/jpeg"], "image/jpeg"),
        ("audio/mp3", FILES["audio/mpeg"], "audio/mpeg"),
        ("audio/x-wav", FILES["audio/wav"], "audio/wav"),
        ("application/x-pdf", FILES["application/pdf"], "application/pdf"),
        ("application/octet-stream", FILES["application/pdf"], "application/pdf"),
        ("application/octet-stream", FILES["application/rtf"], "application/rtf"),
        ("application/octet-stream", FILES["image/png"], "image/png"),
        ("application/octet-stream", WORD, f"{OFFICE}.wordprocessingml.document"),
        ("application/zip", WORD, f"{OFFICE}.wordprocessingml.document"),
        ("application/octet-stream", OLD_WORD, "application/msword"),
        ("", FILES["application/vnd.oasis.opendocument.text"], "application/vnd.oasis.opendocument.text"),
        ("", b"\x00\x00\x00\x18ftypmif1" + bytes(20), "image/heic"),
        ("video/quicktime", b"\x00\x00\x00\x18ftypiso5" + bytes(20), "video/mp4"),
        ("application/vnd.ms-excel", b"order,paid\r\n88,yes\r\n", "text/csv"),
        ("application/vnd.ms-excel", "Gr\xf6\xdfe;Preis\r\n".encode("cp1252"), "text/csv"),
        ("application/octet-stream", b"It does not start.", "text/plain"),
        ("", b"It does not start.", "text/plain"),
        ("text/x-log", b"12:00 ERROR disk full\n", "text/plain"),
        ("application/pdf", b"I wrote this by hand.", "text/plain"),
        ("image/png", b"BMW stands for nothing here.\n", "text/plain"),
        ("text/x-markdown", b"# It does not start\n", "text/markdown"),
    ],
)
def test_what_content_says_counts_more_than_what_the_sender_says(declared: str, content: bytes, kept_as: str) -> None:
    assert judged(declared, content) == kept_as


@pytest.mark.parametrize("name", ["docProps/thumbnail.jpeg", "docMetadata/LabelInfo.xml", "_rels/.rels", "content.xml"])
def test_an_archive_that_begins_as_an_office_document_does_may_be_one(name: str) -> None:
    declared = "application/vnd.oasis.opendocument.text" if name == "content.xml" else f"{OFFICE}.spreadsheetml.sheet"
    assert judged(declared, zipped(name, "x")) == declared
    assert judged("", zipped(name, "x"), {"application/zip"}) == "application/zip"


@pytest.mark.parametrize(
    "content",
    [
        "Es l\xe4uft nicht \u2013 seit gestern.\r\n".encode("cp1252"),
        "\xc7a ne d\xe9marre pas".encode("latin-1"),
        "起動しません。".encode("shift-jis"),
        "启动失败".encode("gb18030"),
        "Не запускается".encode("koi8-r"),
        "It does not start: ä.\r\n".encode("utf-16"),
        "It does not start.\r\n".encode("utf-16-le"),
        "It does not start.\r\n".encode("utf-16-be"),
        "It does not start.".encode("utf-32"),
        "\ufeffIt does not start.".encode(),
        b"\x1b[31mERROR\x1b[0m disk full\x07\r\n",
        b"progress 10%\x08\x08\x0820%\x0c\n",
        b"12:00 up\n12:01 up\n" + bytes(4096),
        b"12:00 up\n12:01 up and running\n12:02 up" + bytes(512) + b"\n12:09 up again after the lights went out\n",
        b"written in DOS\r\n\x1a",
        b"MZ is how this line begins.\n",
    ],
)
@pytest.mark.parametrize("declared", ["text/plain", "application/octet-stream"])
def test_text_is_text_in_whatever_encoding_and_with_the_codes_of_a_terminal(declared: str, content: bytes) -> None:
    assert judged(declared, content) == "text/plain"


@pytest.mark.parametrize(
    ("declared", "head"),
    [
        ("image/png", b"MZ" + bytes(60)),
        ("text/plain", b"\x7fELF" + bytes(60)),
        ("application/pdf", b"#!/bin/sh\nrm -rf /"),
        ("text/plain", b"#! /usr/bin/env python3\n"),
        ("text/plain", b"<?php system('id');"),
        ("image/png", b"<html><script>alert(1)</script></html>"),
        ("text/plain", b"<!DOCTYPE html><html></html>"),
        ("text/plain", "<html>".encode("utf-16")),
        ("text/plain", "<script>alert(1)</script>".encode("utf-16-le")),
        ("application/octet-stream", b"\xcf\xfa\xed\xfe" + bytes(60)),
        ("application/octet-stream", b"L\x00\x00\x00\x01\x14\x02\x00" + bytes(60)),
        ("application/msword", OLD_WORD + bytes.fromhex("84100c0000000000c000000000000046")),
        ("application/octet-stream", b"\x00asm\x01\x00\x00\x00"),
        ("text/csv", b"a,\x00b"),
        ("application/octet-stream", bytes(100)),
        ("application/octet-stream", bytes(range(256)) * 8),
        ("text/html", b"<html>"),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("application/x-msdownload", b"MZ" + bytes(60)),
        ("application/zip", zipped("a.txt", "x")),
        ("", zipped("a.txt", "x")),
        (f"{OFFICE}.wordprocessingml.document", zipped("a.txt", "x")),
        (f"{OFFICE}.spreadsheetml.sheet", zipped("META-INF/MANIFEST.MF", "Main-Class: a.B")),
        ("application/vnd.oasis.opendocument.text", zipped("AndroidManifest.xml", "x")),
        (f"{OFFICE}.presentationml.presentation", zipped("setup.exe", "MZ")),
        ("application/pdf", zipped("mimetype", "application/pdf")),
        ("", zipped("mimetype", "image/png")),
        ("application/gzip", b"\x1f\x8b\x08" + bytes(30)),
        ("what/ever", bytes(30)),
    ],
)
def test_what_runs_or_hides_something_is_not_taken_whatever_it_is_called(declared: str, head: bytes) -> None:
    assert isinstance(judged(declared, head), NotTaken)


def test_the_reason_names_what_was_found_or_says_that_nothing_was() -> None:
    assert judged("image/png", b"<html>") == NotTaken("Files of type text/html are not accepted.")
    assert judged("what/ever", bytes(30)) == NotTaken("Files of this kind are not accepted.")
    assert judged("image/png", b"") == NotTaken("The file is empty.")
    assert judged("text/csv", b"") == "text/csv"


PROGRAM = "application/vnd.microsoft.portable-executable"


@pytest.mark.parametrize(
    ("taken", "declared", "content", "kept_as"),
    [
        ("application/zip", "application/zip", zipped("a.txt", "x"), "application/zip"),
        ("application/zip", "", zipped("a.txt", "x"), "application/zip"),
        ("application/zip", "application/x-zip-compressed", zipped("a.txt", "x"), "application/zip"),
        (f"{OFFICE}.wordprocessingml.document", f"{OFFICE}.wordprocessingml.document", WORD, None),
        (f"{OFFICE}.presentationml.template", f"{OFFICE}.presentationml.template", zipped("ppt/x", ""), None),
        ("video/mp4", "video/mp4", b"\x00\x00\x00\x18ftypdash" + bytes(20), "video/mp4"),
        ("application/x-foo", "application/x-foo", b"\x01\x02\x03\x04" * 9, "application/x-foo"),
        ("application/x-foo", "application/X-Foo; v=1", b"just words", "application/x-foo"),
        ("text/x-log", "text/x-log", b"12:00 up\n", "text/x-log"),
        ("application/octet-stream", "application/x-bar", b"\x01\x02\x03\x04" * 9, "application/octet-stream"),
        ("text/html", "text/html", b"<html>", "text/html"),
        (PROGRAM, "application/octet-stream", b"MZ" + bytes(60), PROGRAM),
    ],
)
def test_a_type_that_the_operator_names_is_taken(
    taken: str, declared: str, content: bytes, kept_as: str | None
) -> None:
    assert judged(declared, content, {taken}) == (kept_as or taken)


@pytest.mark.parametrize("named", ["application/x-foo", "application/zip", "application/octet-stream"])
@pytest.mark.parametrize("content", [b"MZ" + bytes(60), b"<html>", b"<svg/>", b"#!/bin/sh\n"])
def test_what_runs_is_not_taken_as_another_type_that_the_operator_names(named: str, content: bytes) -> None:
    assert isinstance(judged(named, content, {*TAKEN, named}), NotTaken)


def test_a_type_that_the_operator_leaves_out_is_not_taken() -> None:
    assert judged("text/plain", b"words", {"image/png"}) == NotTaken("Files of type text/plain are not accepted.")
    assert isinstance(judged("image/png", FILES["image/png"], {"text/plain"}), NotTaken)


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
        "<!DOCTYPE svg PUBLIC 'x'><svg>",
        "<?xml version='1.0'?><x:html xmlns:x='http://www.w3.org/1999/xhtml'>",
    ],
)
@pytest.mark.parametrize("declared", ["text/plain", "text/markdown", "image/png"])
def test_a_page_is_no_text_however_it_is_written(declared: str, page: str) -> None:
    assert isinstance(judged(declared, page.encode()), NotTaken)
    assert isinstance(judged(declared, page.encode("utf-16")), NotTaken)


@pytest.mark.parametrize(
    "text", ["<3", "<Ada> writes: <html> is wrong", "<?xml version='1.0'?><order/>", "<bold>", "a <b>"]
)
def test_text_with_brackets_is_text(text: str) -> None:
    assert judged("text/plain", text.encode()) == "text/plain"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "shift-jis"])
def test_text_may_be_cut_within_a_character(encoding: str) -> None:
    assert judged("text/plain", ("It is ä and я " * HEAD).encode(encoding, "replace")[: HEAD - 1]) == "text/plain"


@given(st.binary(max_size=200), st.sampled_from(["text/plain", "image/png", "application/octet-stream", ""]))
def test_whatever_it_is_there_is_an_answer(head: bytes, declared: str) -> None:
    found = judged(declared, head)
    assert found in TAKEN or isinstance(found, NotTaken)
    assert text_of(head) is None or isinstance(text_of(head), str)
