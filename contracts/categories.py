"""Categories as a channel's form shows them: a question, and its answer. Owner: intake.

What the operator's file may hold is in catalogue.py. The page is docs/catalogue.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from contracts.catalogue import OneOpenPer, QuestionKind
from contracts.common import FromChannel, KnownCategory, LanguageHint
from contracts.fields import Ordinal, Text
from contracts.payload import Payload

MAX_SHOWN = 1_000
"""Categories, sub-categories, questions or choices in one list."""

Label = Annotated[str, Text(200).rule]


class ViewCatalogue(FromChannel):
    """Question `catalogue.view`: what people can ask about. `language`: names in this language, where there are any."""

    language: LanguageHint | None = None


class ShownChoice(Payload):
    """An answer to choose: `choice` goes into `fields`, people read `name`."""

    choice: Label
    name: Label


class ShownQuestion(Payload):
    """A question of a category's form; its answer goes into `fields`, under its `id`."""

    id: KnownCategory
    label: Label
    kind: QuestionKind
    required: bool = False
    choices: Annotated[Sequence[ShownChoice], Meta(max_length=MAX_SHOWN)] = ()


class ShownSubcategory(Payload):
    """A sub-category, and how people read it."""

    id: KnownCategory
    name: Label


class ShownCategory(Payload):
    """A category, and how people read it. `priority` 1 is served first. `one_open_per`: of what a requester has one
    ticket open at most."""

    id: KnownCategory
    name: Label
    priority: Ordinal
    one_open_per: OneOpenPer
    subcategories: Annotated[Sequence[ShownSubcategory], Meta(max_length=MAX_SHOWN)] = ()
    questions: Annotated[Sequence[ShownQuestion], Meta(max_length=MAX_SHOWN)] = ()


class CatalogueViewed(Payload):
    """Outcome `catalogue.viewed`: all categories, in the operator's order."""

    categories: Annotated[Sequence[ShownCategory], Meta(max_length=MAX_SHOWN)]
