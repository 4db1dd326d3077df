"""The file that `casebus account export` writes: everything that the desk knows of a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.cli.account import written_whole


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    with written_whole(tmp_path / "ada.zip") as file:
        file.write(b"PK")
    assert (tmp_path / "ada.zip").read_bytes() == b"PK"
    assert (tmp_path / "ada.zip").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut_by", [OSError(28, "No space left on device"), KeyboardInterrupt(), RuntimeError("away")])
def test_nothing_stays_of_one_that_did_not_come_whole(tmp_path: Path, cut_by: BaseException) -> None:
    with pytest.raises(type(cut_by)):
        _cut(tmp_path / "ada.zip", cut_by)
    assert list(tmp_path.iterdir()) == []


def _cut(path: Path, by: BaseException) -> None:
    with written_whole(path) as file:
        file.write(b"PK")
        raise by


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "ada.zip").write_text("mine")
    with pytest.raises(FileExistsError), written_whole(tmp_path / "ada.zip"):
        pass
    assert (tmp_path / "ada.zip").read_text() == "mine"
