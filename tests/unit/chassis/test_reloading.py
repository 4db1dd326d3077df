"""A changed file of the operator's is taken over while the process runs; a wrong one is refused once, and the old one
stays."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from services.chassis import telemetry
from services.chassis.chores import Chore
from services.chassis.reloading import LOOKED_EVERY, Reloaded, looking


def number_in(file: Path) -> Reloaded[int]:
    """What the file holds; its reader, like any, raises a ValueError for what is wrong."""

    def load() -> int:
        try:
            return int(file.read_text())
        except OSError as error:
            raise ValueError(f"{file.name}: the file cannot be read.") from error

    return Reloaded([file], load)


def refused() -> float:
    return telemetry.FILES_REFUSED._value.get()  # type: ignore[no-any-return]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_text("1")
    return file


def test_looking_at_files_is_a_chore(file: Path) -> None:
    number = number_in(file)
    assert looking(number) == Chore("the operator's files", LOOKED_EVERY, number.look)


def test_a_changed_file_is_taken_when_it_is_looked_at(file: Path) -> None:
    number = number_in(file)
    file.write_text("22")
    assert number() == 1
    number.look()
    assert number() == 22


def test_a_file_that_is_replaced_is_seen_though_time_and_length_are_the_same(file: Path) -> None:
    number = number_in(file)
    was, other = file.stat(), file.with_name("other")
    other.write_text("2")
    os.utime(other, ns=(was.st_atime_ns, was.st_mtime_ns))
    other.replace(file)
    number.look()
    assert number() == 2


def test_a_link_that_is_swapped_is_seen(tmp_path: Path) -> None:
    """As Kubernetes does it: the file is a link through a link to the folder of the version in force."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "file").write_text(version)
    (tmp_path / "data").symlink_to("1")
    (tmp_path / "file").symlink_to("data/file")
    number = number_in(tmp_path / "file")
    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").replace(tmp_path / "data")
    number.look()
    assert number() == 2


def test_a_wrong_file_is_refused_with_one_sentence_until_it_is_right(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    number = number_in(file)
    file.write_text("two")
    for _ in range(3):
        number.look()
    (said,) = caplog.messages
    assert "'two'" in said
    assert said.endswith("What was read before stays in force.")
    assert (number(), refused()) == (1, 1)
    file.write_text("3")
    number.look()
    assert (number(), refused()) == (3, 0)


def test_a_file_that_goes_and_comes_back_is_taken_again(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    number = number_in(file)
    file.unlink()
    number.look()
    assert "cannot be read" in caplog.text
    assert number() == 1
    file.write_text("4")
    number.look()
    assert (number(), refused()) == (4, 0)


def test_an_unchanged_file_is_not_read_again(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    reads: list[str] = []

    def read() -> str:
        reads.append("read")
        return file.read_text()

    text = Reloaded([file], read)
    text.look()
    text.look()
    assert (reads, caplog.messages) == (["read"], [])


def test_a_file_that_its_reader_stumbles_over_ends_nobody(file: Path) -> None:
    def load() -> int:
        number = int(file.read_text())
        if number > 1:
            raise RecursionError
        return number

    number = Reloaded([file], load)
    file.write_text("22")
    number.look()
    assert (number(), refused()) == (1, 1)
    file.write_text("-4")
    number.look()
    assert (number(), refused()) == (-4, 0)
