"""The words of notifications: one Jinja2 template for each kind, the operator's before our own.

A template's first line is the title, the rest the text. All are compiled and tried once, at start; a wrong one stops
the process there. Which names a template may use: `Facts` in domain.py, and docs/notifications.md.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import get_args

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from contracts.common import MAX_BODY, MAX_SUBJECT
from contracts.notifications import MAX_TEXT, MAX_TITLE
from services.chassis.settings import WrongSettings
from services.notifications.domain import Facts, Kind, Text, one_line

SHIPPED = Path(__file__).parent / "templates"
LANGUAGE = "en"
KINDS: tuple[Kind, ...] = get_args(Kind)
NAMES = tuple(field.name for field in fields(Facts))

SAMPLES = (
    Facts("00001234", "I cannot log in", "account_access", 2, "Ada", "Grace", "Which name do you use?"),
    Facts("00001234", "I cannot log in", "account_access", 2, "", "", ""),
    Facts("00001234", "I" * MAX_SUBJECT, "a" * 64, 99, "A" * 100, "G" * 100, "W" * MAX_BODY),
)
"""Every template has to do with these: what a ticket usually has, the least, and the longest."""


class Templates:
    """The templates of all kinds, those in `folder` (`<folder>/en/<kind>.j2`) before ours."""

    def __init__(self, folder: Path | None = None) -> None:
        """Compile and try all. Raises `WrongSettings` with the file, the line and what is wrong with it."""
        folders = [SHIPPED] if folder is None else [folder, SHIPPED]
        if folder is not None:
            _check_names(folder)
        environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(one / LANGUAGE) for one in folders]),
            undefined=StrictUndefined,
            autoescape=False,  # plain text
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._compiled: dict[Kind, Template] = {kind: _compiled(environment, kind) for kind in KINDS}
        for kind in KINDS:
            self._try(kind)

    def render(self, kind: Kind, facts: Facts) -> Text:
        """The words of one notification: a title of one line, the text without blank lines around it."""
        written = self._compiled[kind].render({name: getattr(facts, name) for name in NAMES})
        title, _, text = written.lstrip().partition("\n")
        return Text(shortened(one_line(title)), text.strip())

    def _try(self, kind: Kind) -> None:
        file = self._compiled[kind].filename
        for sample in SAMPLES:
            try:
                text = self.render(kind, sample)
            except Exception as error:  # whatever a template can raise is the operator's to know
                raise WrongSettings(f"The template {file} cannot be rendered: {error}.") from error
            if len(text.text) > MAX_TEXT:
                raise WrongSettings(f"The template {file} can make a text of more than {MAX_TEXT} characters.")
            if not text.title or not text.text:
                raise WrongSettings(f"The template {file} must have a title in its first line and a text below it.")


def shortened(title: str) -> str:
    """A title of no more than the contract's length."""
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"


def _check_names(folder: Path) -> None:
    """A file that no kind reads is a mistyped name, and would be missed only when people get the wrong words."""
    if not folder.is_dir():
        raise WrongSettings(f"CASEBUS_TEMPLATES must be a folder: {folder} is none.")
    for file in sorted((folder / LANGUAGE).glob("*.j2")):
        # What begins with _ is there to be included.
        if file.stem not in KINDS and not file.stem.startswith("_"):
            raise WrongSettings(f"The template {file} belongs to no kind; the kinds are {', '.join(KINDS)}.")


def _compiled(environment: ImmutableSandboxedEnvironment, kind: Kind) -> Template:
    try:
        return environment.get_template(f"{kind}.j2")
    except TemplateSyntaxError as error:
        raise WrongSettings(f"The template {error.filename}, line {error.lineno}: {error.message}.") from error
    except (TemplateError, OSError, UnicodeDecodeError) as error:
        raise WrongSettings(f"The template of {kind} cannot be read: {error}.") from error
