"""Files are encrypted in segments: what was sealed opens, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.files.sealing import SEGMENT, TAG, Tampered, new_key, open_segment, seal

SIZES = st.one_of(
    st.integers(0, 100),
    st.integers(-2, 2).map(lambda more: SEGMENT + more),
    st.integers(-2, 2).map(lambda more: 2 * SEGMENT + more),
)


def content_of(size: int) -> bytes:
    return bytes(i * 31 % 251 for i in range(min(size, 997))) * (size // 997 + 1)


def opened(key: bytes, file_id: str, sealed: list[bytes]) -> bytes:
    end = len(sealed) - 1
    return b"".join(open_segment(key, file_id, place, each, last=place == end) for place, each in enumerate(sealed))


@given(SIZES, st.integers(1, SEGMENT * 3))
@settings(max_examples=12, deadline=None)
def test_what_was_sealed_opens_again_however_it_came_in(size: int, piece: int) -> None:
    content, key = content_of(size)[:size], new_key()
    sealed = list(seal(key, "f1", (content[at : at + piece] for at in range(0, size, piece))))
    assert opened(key, "f1", sealed) == content
    assert len(sealed) == max(1, -(-size // SEGMENT))
    assert all(len(each) == SEGMENT + TAG for each in sealed[:-1])


def test_nothing_of_the_content_can_be_read_in_what_is_stored() -> None:
    content = b"my card is 4929 1234 5678 9012. " * 1000
    sealed = b"".join(seal(new_key(), "f1", [content]))
    assert not any(content[at : at + 8] in sealed for at in range(64))


def test_two_files_of_one_content_share_nothing() -> None:
    first, second = (b"".join(seal(new_key(), id_, [b"x" * 1000])) for id_ in ("f1", "f2"))
    assert first != second


KEY = new_key()
SEALED = list(seal(KEY, "f1", [content_of(3 * SEGMENT)[: 3 * SEGMENT]]))


@pytest.mark.parametrize(
    ("file_id", "sealed"),
    [
        ("f2", SEALED),
        ("f1", [SEALED[1], SEALED[0], SEALED[2]]),
        ("f1", SEALED[:2]),
        ("f1", [*SEALED, SEALED[2]]),
        ("f1", [SEALED[0], SEALED[0], SEALED[2]]),
        ("f1", [SEALED[0], SEALED[1], SEALED[2][:-1]]),
        ("f1", [SEALED[0], SEALED[1], b""]),
    ],
    ids=["another file's", "swapped", "cut", "appended", "repeated", "shortened", "emptied"],
)
def test_what_was_moved_cut_or_added_does_not_open(file_id: str, sealed: list[bytes]) -> None:
    with pytest.raises(Tampered):
        opened(KEY, file_id, sealed)


@given(st.integers(0, 2), st.integers(0, SEGMENT + TAG - 1), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_what_was_changed_does_not_open(place: int, at: int, flip: int) -> None:
    sealed = bytearray(SEALED[place])
    sealed[at] ^= flip
    with pytest.raises(Tampered, match=f"segment {place} of file f1"):
        open_segment(KEY, "f1", place, bytes(sealed), last=place == 2)


def test_another_key_does_not_open() -> None:
    with pytest.raises(Tampered):
        opened(new_key(), "f1", SEALED)
