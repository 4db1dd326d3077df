"""What the operator's files say, as the rules of the knowledge base take it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field

from contracts.by_language import Worded
from contracts.staff import Staff
from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class Desk:
    """The desk's own language; categories by id, in the order of the files, as people read them, and those of them that
    only articles have; who works there (None: whoever signs on, and nobody edits)."""

    language: str = "en"
    categories: Mapping[str, Worded] = field(default_factory=dict)
    staff: Staff | None = None
    only_of_articles: Collection[str] = ()

    def name_of(self, category: str, language: str) -> str:
        """How people read the category in this language. A category that is gone stands for itself."""
        words = self.categories.get(category)
        return category if words is None else words.in_language(language)

    def tells_of(self, category: str, *, staff: bool) -> bool:
        """Whether a reader may know of this category by the files alone: everybody of those in which tickets are filed,
        and staff of all."""
        return category in self.categories and (staff or category not in self.only_of_articles)

    def is_editor(self, agent_id: str) -> bool:
        """Whether this agent writes articles."""
        return self.staff is not None and self.staff.has_role(agent_id, "editor")

    def works_here(self, agent_id: str) -> bool:
        """Whether this agent may read what is for staff."""
        return self.staff is None or self.staff.member(agent_id) is not None

    def calls(self, agent_id: str) -> str | None:
        """The agent's name in the staff file, if it gives one."""
        member = None if self.staff is None else self.staff.member(agent_id)
        return None if member is None else member.display_name
