"""What the pages show and no test runs: it is tagged as what it is, and the commands that it names exist."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml
from typer.main import get_command

from deploy.cli.main import app
from tests.pages.blocks import CHECKOUT, PAGES, RUN, SHOWN, Block, blocks

BLOCKS = [block for page in PAGES for block in blocks(page)]
TARGETS = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_says_what_it_is(page: object) -> None:
    found = [block for block in BLOCKS if block.page == page]
    text = page.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(found), "a fence that is indented or left open"
    assert {str(block): block.tag for block in found if block.tag not in (*RUN, *SHOWN)} == {}


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.tag in ("yaml", "json")], ids=str)
def test_yaml_is_yaml(block: Block) -> None:
    assert yaml.safe_load(block.code)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.tag == "console"], ids=str)
def test_every_command_that_is_shown_exists(block: Block) -> None:
    """What it does stands beside it, two spaces later."""
    lines = re.sub(r"\s*\\\n\s*", " ", block.code).splitlines()
    commands = [command for line in lines for command in re.split(r" {2,}", line)[0].split(" / ") if command]
    for command in commands:
        words = [word for word in shlex.split(command) if not re.fullmatch(r"[A-Z_]+=.*", word)]
        match words:
            case ["make", target, *_]:
                assert target in TARGETS, command
            case [("casebus" | ".venv/bin/casebus"), *rest]:
                assert_known(rest, command)
            case ["docker", "compose", "run", *rest] if "casebus" in rest:
                assert_known(rest[rest.index("casebus") + 1 :], command)
            case ["pip", "install", *folders]:
                assert all((CHECKOUT / folder / "pyproject.toml").exists() for folder in folders), command
            case [".venv/bin/python", "-m", module, *_]:
                found = CHECKOUT / module.replace(".", "/")
                assert (found / "__main__.py").exists() or found.with_suffix(".py").exists(), command
            case ["sh", script, *_]:
                assert (CHECKOUT / script).exists(), command
            case ["docker", "compose", verb, *_]:
                assert verb in ("up", "ps", "down", "logs"), command
            case ["export", *_] | []:
                pass
            case _:
                raise AssertionError(f"what is {command!r}?")


def assert_known(words: list[str], command: str) -> None:
    """The command line has this command, with these options; `NUMBER` and the like stand for anything."""
    known = get_command(app)
    while words and (below := getattr(known, "commands", {}).get(words[0])) is not None:
        known, words = below, words[1:]
    assert not getattr(known, "commands", {}) or getattr(known, "invoke_without_command", False), command
    options = {option for parameter in known.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert given <= {*options, "--help"}, command
