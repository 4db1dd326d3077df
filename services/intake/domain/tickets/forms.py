"""`catalogue.view`: what people can ask about, for whoever shows a form. Nothing changes and nothing is remembered.

The page is docs/catalogue.md.
"""

from __future__ import annotations

from datetime import datetime

from contracts.by_language import Worded
from contracts.catalogue import Category, Question
from contracts.categories import (
    CatalogueViewed,
    ShownCategory,
    ShownChoice,
    ShownQuestion,
    ShownSubcategory,
    ViewCatalogue,
)
from services.chassis.decision import Answer, Decision, Message
from services.intake.domain.state import View


def view_catalogue(view: View, message: Message[ViewCatalogue], _: datetime) -> Decision:
    """The catalogue as it stands, in the language that is asked for."""
    language = message.data.language
    shown = [_category(category, language) for category in view.catalogue.categories.values()]
    return Decision(answer=Answer("catalogue.viewed", CatalogueViewed(categories=shown)))


def _category(category: Category, language: str | None) -> ShownCategory:
    return ShownCategory(
        id=category.id,
        name=Worded(category.name, category.names).in_language(language),
        priority=category.priority,
        one_open_per=category.one_open_per,
        subcategories=[
            ShownSubcategory(id=id_, name=words.in_language(language)) for id_, words in category.subcategories.items()
        ],
        questions=[_question(question, language) for question in category.questions],
    )


def _question(question: Question, language: str | None) -> ShownQuestion:
    return ShownQuestion(
        id=question.id,
        label=Worded(question.label, question.labels).in_language(language),
        kind=question.kind,
        required=question.required,
        choices=[
            ShownChoice(choice=choice, name=words.in_language(language)) for choice, words in question.choices.items()
        ],
    )
