"""Which messages bring work with files before the turn."""

from __future__ import annotations

from contracts.registry import TYPES
from services.intake.files.of_turns import Bringing


def test_whatever_may_have_attachments_is_looked_at() -> None:
    commands = [declared.data for (kind, _), declared in TYPES.items() if kind == "command"]
    with_files = {data for data in commands if "attachments" in data.__struct_fields__}
    assert with_files
    assert all(issubclass(data, Bringing) for data in with_files)
