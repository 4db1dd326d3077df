"""Who may do what: editors and the operator change articles; everybody reads, and staff alone read what is internal.

Each line of the table names its door (taken.py). A door finds out who asks, and refuses the others.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from contracts.names import role_of
from contracts.values import dataclass
from services.chassis.decision import Decision, Message
from services.knowledge.domain import answers
from services.knowledge.domain.state import View
from services.knowledge.domain.values.article import Article
from services.knowledge.domain.values.desk import Desk


@dataclass(frozen=True, slots=True)
class Editor:
    """Who changes an article. `id` None: the operator."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks. `staff`: also sees what is internal; `editor`: also what is not published."""

    staff: bool = False
    editor: bool = False


class ByAgent(Protocol):
    """Data that may name an agent."""

    @property
    def agent_id(self) -> str | None:
        """Who acts."""


class OfArticle(ByAgent, Protocol):
    """Data of a command about an article that exists."""

    @property
    def article_id(self) -> str:
        """The article's id."""

    @property
    def expected_version(self) -> int | None:
        """The version that the sender has seen."""


A = TypeVar("A", bound=ByAgent)
O = TypeVar("O", bound=OfArticle)  # noqa: E741 - the data of a command about an article
P = TypeVar("P")


def editor(
    decide: Callable[[View, Message[A], Editor, datetime], Decision],
) -> Callable[[View, Message[A], datetime], Decision]:
    """An editor in their own name, or the operator."""

    def let_in(view: View, message: Message[A], now: datetime) -> Decision:
        by = _editor(view.desk, message)
        return by if isinstance(by, Decision) else decide(view, message, by, now)

    return let_in


def of_article(
    decide: Callable[[View, Message[O], Editor, Article, datetime], Decision],
) -> Callable[[View, Message[O], datetime], Decision]:
    """An editor or the operator, about an article that exists and is at the version that they expect."""

    def let_in(view: View, message: Message[O], by: Editor, now: datetime) -> Decision:
        article = view.article(message.data.article_id)
        if article is None:
            return answers.unknown_article(message.data.article_id)
        if message.data.expected_version not in (None, article.version):
            return answers.conflict(article)
        return decide(view, message, by, article, now)

    return editor(let_in)


def reader(
    decide: Callable[[View, Message[A], Reader, datetime], Decision],
) -> Callable[[View, Message[A], datetime], Decision]:
    """A channel, the operator, or staff in their own name."""

    def let_in(view: View, message: Message[A], now: datetime) -> Decision:
        refused = not_let_in(view.desk, message)
        return refused or decide(view, message, who(view.desk, message), now)

    return let_in


def not_let_in(desk: Desk, message: Message[ByAgent]) -> Decision | None:
    """The refusal of whoever may ask nothing."""
    return _not_in_own_name(message) or _not_of_staff(desk, message)


def who(desk: Desk, message: Message[ByAgent]) -> Reader:
    """What the sender may see: for needs, which are named before anybody is let in or refused."""
    agent = message.data.agent_id
    if role_of(message.sender) == "operator" and agent is None:
        return Reader(staff=True, editor=True)
    if agent is None or message.sender != f"agent.{agent}" or not desk.works_here(agent):
        return Reader()
    return Reader(staff=True, editor=desk.is_editor(agent))


def _editor(desk: Desk, message: Message[ByAgent]) -> Editor | Decision:
    if role_of(message.sender) == "operator":
        return Editor() if message.data.agent_id is None else answers.not_that_agent()
    agent = message.data.agent_id
    if agent is None or message.sender != f"agent.{agent}":
        return answers.not_that_agent()
    return Editor(agent, desk.calls(agent)) if desk.is_editor(agent) else answers.no_editor()


def _not_in_own_name(message: Message[ByAgent]) -> Decision | None:
    """An agent gives their own id; others give none."""
    agent = message.data.agent_id
    named = message.sender if agent is None else f"agent.{agent}"
    is_agent = role_of(message.sender) == "agent"
    return answers.not_that_agent() if named != message.sender or (is_agent and agent is None) else None


def _not_of_staff(desk: Desk, message: Message[ByAgent]) -> Decision | None:
    agent = message.data.agent_id
    return None if agent is None or desk.works_here(agent) else answers.not_of_staff(agent)
