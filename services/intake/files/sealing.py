"""Files encrypted in segments, so that each can be read without the others and none can take another's place.

AES-256-GCM with one random key a file. The nonce of a segment is its number and whether it is the last one, and the
file's id is authenticated with it (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015): a segment
that was changed, moved, left out, added or taken from another file does not open. It knows no database. The page is
docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.file_forms import MAX_ATTACHMENT

SEGMENT = MAX_ATTACHMENT
"""Bytes of content in each segment. Only the last may have fewer, and at least 1 (0 in an empty file). A segment is one
part of a download."""

TAG = 16
"""Bytes that a segment grows by."""


class Tampered(Exception):
    """A segment is not what was sealed under this key, file and place."""


def new_key() -> bytes:
    """A random key of 256 bits, for one file."""
    return AESGCM.generate_key(256)


def seal(key: bytes, file_id: str, content: Iterable[bytes]) -> Iterator[bytes]:
    """The sealed segments, in order, of content that comes in pieces of any length."""
    number, kept = 0, bytearray()
    for piece in content:
        kept += piece
        while len(kept) > SEGMENT:  # more will come: this is not the last one
            yield seal_segment(key, file_id, number, bytes(kept[:SEGMENT]), last=False)
            del kept[:SEGMENT]
            number += 1
    yield seal_segment(key, file_id, number, bytes(kept), last=True)


def seal_segment(key: bytes, file_id: str, number: int, content: bytes, *, last: bool) -> bytes:
    """Segment `number` (from 0), sealed. The same content gives the same bytes; of two contents for one segment only
    one may ever be kept, or both could be read."""
    return AESGCM(key).encrypt(_nonce(number, last=last), content, file_id.encode())


def open_segment(key: bytes, file_id: str, number: int, sealed: bytes, *, last: bool) -> bytes:
    """The content of segment `number` (from 0). Raises `Tampered`."""
    try:
        return AESGCM(key).decrypt(_nonce(number, last=last), sealed, file_id.encode())
    except InvalidTag as error:
        raise Tampered(f"segment {number} of file {file_id} does not open with its key") from error


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
