"""The words of notifications: one Jinja2 template for each kind and language, the operator's before our own.

A template's first line is the title, the rest the text. All are compiled and tried once, at start; a wrong one stops
the process there. `Facts` in domain/state.py and docs/notifications.md say which names a template may use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    nodes,
)
from jinja2.meta import find_referenced_templates, find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from contracts.common import MAX_ARTICLES, MAX_BODY, MAX_SUBJECT
from contracts.languages import PATTERN, narrow_to_wide
from contracts.notifications import MAX_TEXT, MAX_TITLE
from services.chassis.settings import WrongSettings
from services.notifications.domain.articles import LONGEST_ADDRESS
from services.notifications.domain.state import (
    Facts,
    Kind,
    KindForAgent,
    KindForManager,
    KindForRequester,
    Text,
    one_line,
)

SHIPPED = Path(__file__).parent / "templates"
LANGUAGE = "en"
"""The language of last resort: it has every kind."""

KINDS: tuple[Kind, ...] = (*get_args(KindForRequester), *get_args(KindForAgent), *get_args(KindForManager))
NAMES = tuple(field.name for field in fields(Facts))

is_language = re.compile(PATTERN).fullmatch

SAMPLES = (
    Facts(
        "00001234", "I cannot log in", "account_access", 2, "Ada", "Grace", "Which name do you use?",
        moment="2026-03-09 09:00 UTC", granted=True, code="12345678",
        articles="- Reset your password\n  https://help.example.org/en/recover-your-account",
    ),
    Facts("00001234", "?", "account_access", 2, merged_into="00001200"),
    Facts(
        "00001234", "I" * MAX_SUBJECT, "a" * 64, 99, "A" * 100, "G" * 100, "W" * MAX_BODY, "00001200",
        "2026-03-09 09:00 UTC", True, "1" * 64,
        articles="\n".join([f"- {'T' * MAX_SUBJECT}\n  {'h' * LONGEST_ADDRESS}"] * MAX_ARTICLES),
    ),
)  # fmt: skip
"""Every template has to work with these: what a ticket usually has, the least, and the longest."""


class Templates:
    """The templates of all kinds and languages, those in `folder` (`<folder>/<language>/<kind>.j2`) before ours."""

    def __init__(self, folder: Path | None = None) -> None:
        """Compile and try all templates. Raises `WrongSettings` with the file, the line and what is wrong with it."""
        folders = [SHIPPED] if folder is None else [folder, SHIPPED]
        if folder is not None:
            _check_names(folder)
        self._compiled: dict[tuple[str, Kind], Template] = {}
        for language in _languages(folders):
            environment = _environment(folders, language)
            for kind in KINDS:
                if language == LANGUAGE or f"{kind}.j2" in environment.list_templates():
                    self._compiled[language, kind] = _compiled(environment, kind)
        for language, kind in self._compiled:
            self._try(language, kind)

    def render(self, kind: Kind, facts: Facts, languages: Sequence[str] = ()) -> Text:
        """The words of one notification: a title of one line, and the text without blank lines around it.

        In the first of these languages that has this kind, each with its wider forms (`pt-BR`, then `pt`); otherwise in
        English.
        """
        words = _rendered(self._compiled[self.spoken(kind, languages), kind], facts)
        # A template can make what was written longer, by each of its lines if it indents them.
        return Text(words.title, shortened(words.text, MAX_TEXT))

    def variants(self, kind: Kind, languages: Sequence[str] = ()) -> Mapping[str, Text]:
        """The words for an invented case, and for each other case that the template distinguishes, by what makes it
        different: `merged_into: 00001200` or `granted: no`; the usual case has an empty text."""
        template = self._compiled[self.spoken(kind, languages), kind]
        usual = SAMPLES[0]
        found = {"": self.render(kind, usual, languages)}
        for name in NAMES:
            if name in _tested(template.environment, template.name or ""):
                other = type(getattr(usual, name))() if getattr(usual, name) else getattr(SAMPLES[-1], name)
                text = self.render(kind, replace(usual, **{name: other}), languages)
                if text not in found.values():
                    found[f"{name}: {other or 'no'}"] = text
        return found

    def spoken(self, kind: Kind, languages: Sequence[str]) -> str:
        """The language of these that `render` takes for this kind."""
        tags = (tag for language in languages for tag in narrow_to_wide(language.lower()))
        return next((tag for tag in tags if (tag, kind) in self._compiled), LANGUAGE)

    def _try(self, language: str, kind: Kind) -> None:
        template = self._compiled[language, kind]
        file = template.filename
        for sample in SAMPLES:
            try:
                text = _rendered(template, sample)
            except Exception as error:  # whatever a template raises, the operator should know
                raise WrongSettings(f"The template {file} cannot be rendered: {error}.") from error
            if len(text.text) > MAX_TEXT:
                raise WrongSettings(f"The template {file} can produce a text of more than {MAX_TEXT} characters.")
            if not text.title or not text.text:
                raise WrongSettings(f"The template {file} must have a title in its first line and a text below it.")


def shortened(text: str, most: int) -> str:
    """A title or text, cut to the contract's length."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _rendered(template: Template, facts: Facts) -> Text:
    written = template.render({name: getattr(facts, name) for name in NAMES})
    title, _, text = written.lstrip().partition("\n")
    return Text(shortened(one_line(title), MAX_TITLE), text.strip())


def _languages(folders: Sequence[Path]) -> Mapping[str, None]:
    """All languages that have a folder, in lower case, in order."""
    found = (path.name.lower() for folder in folders for path in sorted(folder.iterdir()) if path.is_dir())
    return dict.fromkeys((LANGUAGE, *(name for name in found if is_language(name))))


def _environment(folders: Sequence[Path], language: str) -> ImmutableSandboxedEnvironment:
    of_language = [path for folder in folders for path in sorted(folder.iterdir()) if path.name.lower() == language]
    return ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in of_language]),
        undefined=StrictUndefined,
        autoescape=False,  # plain text
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _check_names(folder: Path) -> None:
    """A file that no kind reads has a mistyped name, and would be missed only when people get the wrong words."""
    if not folder.is_dir():
        raise WrongSettings(f"CASEBUS_TEMPLATES must be a folder, and {folder} is not.")
    for file in sorted([*folder.glob("*.j2"), *folder.glob("*/*.j2")]):
        if file.parent == folder or not is_language(file.parent.name):
            raise WrongSettings(f"The template {file} must be in a folder named as its language, such as en or pt-BR.")
        # Templates whose names begin with _ are for others to include.
        if file.stem not in KINDS and not file.stem.startswith("_"):
            raise WrongSettings(f"The template {file} belongs to no kind; the kinds are {', '.join(KINDS)}.")


def _compiled(environment: ImmutableSandboxedEnvironment, kind: Kind) -> Template:
    try:
        template = environment.get_template(f"{kind}.j2")
        unknown = _unknown_names(environment, f"{kind}.j2")
    except TemplateSyntaxError as error:
        raise WrongSettings(f"The template {error.filename}, line {error.lineno}: {error.message}.") from error
    except TemplateNotFound as error:
        raise WrongSettings(f"The template {error.name}, which {kind} needs, does not exist.") from error
    except (TemplateError, OSError, UnicodeDecodeError) as error:
        raise WrongSettings(f"The template of {kind} cannot be read: {error}.") from error
    if unknown:
        file, first = unknown[0]
        raise WrongSettings(f"The template {file}: {first!r} is undefined; the names are {', '.join(NAMES)}.")
    return template


def _trees(environment: Environment, name: str) -> dict[str, tuple[nodes.Template, str]]:
    """What a template says, with the existing files that it includes or extends: by name, each with its file."""
    assert environment.loader is not None
    trees: dict[str, tuple[nodes.Template, str]] = {}
    to_read = {name}
    while to_read:
        name = to_read.pop()
        source, file, _ = environment.loader.get_source(environment, name)
        tree = environment.parse(source)
        trees[name] = tree, file or name
        further = {template for template in find_referenced_templates(tree) if template is not None}
        to_read |= further.intersection(environment.list_templates()) - trees.keys()
    return trees


def _tested(environment: Environment, name: str) -> set[str]:
    """The names by which a template, with what it includes or extends, is known."""
    tests = list[nodes.Node]()
    for tree, _ in _trees(environment, name).values():
        tests += [found.test for found in tree.find_all(nodes.If)]
        tests += [found.test for found in tree.find_all(nodes.CondExpr)]
        tests += [found.left for found in tree.find_all(nodes.Or)]
    return {
        found.name
        for test in tests
        for found in ([test] if isinstance(test, nodes.Name) else test.find_all(nodes.Name))
    }


def _unknown_names(environment: Environment, name: str) -> list[tuple[str, str]]:
    """Names that do not exist, each with its file, also where a template reaches them only in some cases and in none of
    `SAMPLES`; and in what it includes or extends. All files may use a name that one of them defines."""
    trees = _trees(environment, name).values()
    known = {*NAMES, *environment.globals, *(own for tree, _ in trees for own in _own_names(tree))}
    return [(file, unknown) for tree, file in trees for unknown in sorted(find_undeclared_variables(tree) - known)]


def _own_names(tree: nodes.Template) -> Iterator[str]:
    """The names that a template defines, anywhere."""
    yield from (node.name for node in tree.find_all(nodes.Name) if node.ctx != "load")
    yield from (node.name for node in tree.find_all(nodes.Macro))
    yield from (node.target for node in tree.find_all(nodes.Import))
    for node in tree.find_all(nodes.FromImport):
        yield from (name if isinstance(name, str) else name[1] for name in node.names)
