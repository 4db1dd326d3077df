"""A category's own questions: whether a submission's answers fit them.

Answers to questions that the catalogue does not have are kept and not checked. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from contracts.blank import is_blank
from contracts.catalogue import Category, Question


def faults(category: Category, answers: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong, by field (`fields.<question>`); empty if nothing is."""
    found = {}
    for question in category.questions:
        answer = answers.get(question.id)
        is_answered = answer is not None and not is_blank(str(answer))
        problem = _misfit(question, answer) if is_answered else _missing(question)
        if problem is not None:
            found[f"fields.{question.id}"] = [problem]
    return found


def _missing(question: Question) -> str | None:
    return f"{question.label} must be answered." if question.required else None


def _misfit(question: Question, answer: Any) -> str | None:
    match question.kind:
        case "text":
            return None if isinstance(answer, str) else "Must be text."
        case "number":
            is_number = isinstance(answer, int | float) and not isinstance(answer, bool)
            return None if is_number else "Must be a number."
        case "choice":
            return None if answer in question.choices else f"Must be one of: {', '.join(question.choices)}."
        case "date":
            return None if _is_date(answer) else "Must be a date such as 2026-03-31."


def _is_date(answer: Any) -> bool:
    if not isinstance(answer, str):
        return False
    try:
        # Python reads other forms of ISO 8601 too, such as 2026-W13-2; whoever uses the answers may not.
        return str(date.fromisoformat(answer)) == answer
    except ValueError:
        return False
