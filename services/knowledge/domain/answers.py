"""What knowledge answers in more than one place: refusals with their sentences, and the article as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from contracts.outcomes import Accepted, ArticleState, Code, Rejected
from services.chassis.decision import Answer, Decision, rejected
from services.knowledge.domain.values.article import Article

Errors = Mapping[str, Sequence[str]]

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def refused(code: Code, sentence: str, errors: Errors | None = None) -> Decision:
    """Nothing changes."""
    return Decision(answer=rejected(code, sentence, errors))


def invalid(errors: Errors) -> Decision:
    """Fields are wrong: each with its sentences."""
    return refused("invalid", f"Please correct: {', '.join(sorted(errors))}.", errors)


def unknown_article(id_: str) -> Decision:
    """No article has this id, or none that the sender may see: nobody can tell the two apart."""
    return refused("unknown_article", f"There is no article {id_}.")


def unknown_category(category: str) -> Decision:
    """Neither the catalogue nor the knowledge base has this category."""
    sentence = f"There is no category {category}."
    return refused("unknown_category", sentence, {"category": [sentence]})


def not_that_agent() -> Decision:
    """`agent_id` is not the agent who sent the message."""
    return refused("forbidden", "An agent may only act in their own name.", {"agent_id": ["is not the sender's"]})


def not_of_staff(agent_id: str) -> Decision:
    """The operator's staff file does not name that agent."""
    return refused("forbidden", f"Agent {agent_id} is not among the staff of this desk.")


def no_editor() -> Decision:
    """The sender is neither an editor nor the operator."""
    return refused("forbidden", "Only editors and the operator write articles.")


def only_editors(field: str) -> Decision:
    """What only editors may ask for, whatever the article."""
    sentence = "Only editors may ask for that."
    return refused("forbidden", "Only editors see texts that are not published.", {field: [sentence]})


def wrong_status(article: Article, sentence: str) -> Decision:
    """The article is not in a state in which this is possible."""
    return about_article("wrong_status", sentence, article)


def conflict(article: Article) -> Decision:
    """The article has changed since the sender saw it. The sentence names who changed it and when."""
    who = article.changed_name or article.changed_by or "The operator"
    sentence = f"{who} changed the article on {moment(article.changed_at)}: it is at version {article.version} now."
    return about_article("conflict", sentence, article)


def about_article(code: Code, sentence: str, article: Article) -> Decision:
    """A refusal with the article as it stands."""
    data = Rejected(code=code, message=sentence, errors={}, article=state(article))
    return Decision(answer=Answer("command.rejected", data, article.id))


def accepted(article: Article, hints: Errors | None = None) -> Answer:
    """The command took effect; here is the article as it stands."""
    return Answer("command.accepted", Accepted(article=state(article), hints=hints or None), article.id)


def state(article: Article) -> ArticleState:
    """The article as it stands, for editors."""
    return ArticleState(
        id=article.id,
        version=article.version,
        category=article.category,
        audience=article.audience,
        drafts=sorted(article.drafts),
        published=article.languages,
        changed_by=article.changed_by,
        changed_at=article.changed_at,
    )


def moment(at: datetime) -> str:
    """`2 March 2026 at 15:30 UTC`, whatever the machine's locale."""
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year} at {at:%H:%M} UTC"
