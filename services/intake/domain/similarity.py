"""How alike a submission is to the requester's open tickets.

Only words are compared, so it prompts and never decides: the requester says whether it is the same issue. The page is
docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import fuzz, process

from services.intake.domain.issue_key import normalised
from services.intake.domain.tickets import Ticket

SIMILAR_FROM = 0.8
"""Score from which a requester is asked. Where it comes from: docs/intake.md."""

COMPARED_CHARACTERS = 300
COMPARED_TICKETS = 50
"""The newest; with these limits a comparison takes half a millisecond at most."""

MOST_CANDIDATES = 5


def opening(subject: str, body: str) -> str:
    """What is compared of a submission: the beginning of subject and body, normalised."""
    return normalised(f"{subject} {body}"[: 2 * COMPARED_CHARACTERS])[:COMPARED_CHARACTERS]


def similar(text: str, issue_key: str | None, tickets: Sequence[Ticket]) -> list[tuple[Ticket, float]]:
    """The tickets (newest first) whose opening is like `text`, the most alike first, each with its score 0-1.

    Two issue keys of a channel that differ are two issues, however alike their words.
    """
    comparable = [one for one in tickets if issue_key is None or one.issue_key is None]
    compared = comparable[:COMPARED_TICKETS]
    found = process.extract(
        text,
        [ticket.opening for ticket in compared],
        scorer=fuzz.token_set_ratio,
        score_cutoff=100 * SIMILAR_FROM,
        limit=MOST_CANDIDATES,
    )
    return [(compared[place], round(score / 100, 3)) for _, score, place in found]
