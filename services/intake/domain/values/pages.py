"""Pages of tickets, as somebody asks for them, and as a query found them. The page is docs/intake.md."""

from __future__ import annotations

from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class PageAsked:
    """The page (from 1) of a person's tickets, of one status or of all, that an account of theirs asks for."""

    account: str
    person: str
    status: str | None
    page: int


@dataclass(frozen=True, slots=True)
class AgentPageAsked:
    """The page (from 1) of an agent's tickets, of one status or of all that are open."""

    agent: str
    status: str | None
    page: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a requester's or an agent's tickets, as a query found it."""

    ticket_ids: tuple[str, ...]
    pages: int
