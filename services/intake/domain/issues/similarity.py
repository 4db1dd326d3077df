"""Which of the requester's open tickets a submission is like.

It compares words alone, so it only prompts: the requester says whether it is the same issue. likeness.py says how alike
two texts are. The page is docs/similar-issues.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.intake.domain.issues.likeness import likeness, shipped, wording
from services.intake.domain.values.ticket import Ticket

MODEL = shipped()

SIMILAR_FROM = 0.28
"""Score from which a requester is asked, unless the operator sets another. Measured: docs/similar-issues.md."""

COMPARED_TICKETS = 20
"""The newest; so a comparison takes two milliseconds at most."""

MOST_CANDIDATES = 5


def similar(
    text: str, issue_key: str | None, tickets: Sequence[Ticket], similar_from: float
) -> list[tuple[Ticket, float]]:
    """Those of the tickets (newest first) whose opening is like `text`, the most alike first, each with its score.

    A score is at most 1, and at least `similar_from`. Two different issue keys of a channel are two issues, however
    alike their words.
    """
    comparable = [ticket for ticket in tickets if issue_key is None or ticket.issue_key is None][:COMPARED_TICKETS]
    if not comparable:
        return []
    asked = wording(text, MODEL)
    scored = [(ticket, round(likeness(asked, wording(ticket.opening, MODEL), MODEL), 3)) for ticket in comparable]
    found = [(ticket, score) for ticket, score in scored if score >= similar_from]
    return sorted(found, key=lambda pair: pair[1], reverse=True)[:MOST_CANDIDATES]
