"""What the demo's people heard of one run: every command with its outcomes, and when agents got their tickets.

Pure sums over what channels, agents, the visitor and the sender of bad input kept. The page is docs/cli.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .agents import Agent
from .speaker import Sent, Speaker


@dataclass(frozen=True, slots=True)
class Heard:
    """All senders of a run: the channels' customers and the agents (`people`), and the others."""

    people: Sequence[Speaker]
    others: Sequence[Speaker]
    agents: Sequence[Agent]
    capacity: int
    """By agent."""

    @property
    def senders(self) -> Sequence[Speaker]:
        """Everybody."""
        return [*self.people, *self.others]

    def commands(self) -> Iterable[tuple[str, Sent]]:
        """Every command, with the name of who sent it."""
        return ((sender.name, sent) for sender in self.senders for sent in sender.sent.values())

    def opened(self) -> dict[str, Sent]:
        """The submissions that opened a ticket, by its number."""
        answers = ((sent, sent.answer) for _, sent in self.commands())
        return {answer.number: sent for sent, answer in answers if answer and answer.type == "ticket.opened"}

    def received(self) -> dict[str, set[str]]:
        """Which agents were told that a ticket is theirs, by number."""
        found: dict[str, set[str]] = {}
        for agent in self.agents:
            for number in agent.received:
                found.setdefault(number, set()).add(agent.id)
        return found

    def to_assigned(self) -> list[float]:
        """Seconds from publishing a submission to an agent having its ticket, ascending."""
        opened = self.opened()
        first: dict[str, float] = {}
        for agent in self.agents:
            for number, at in agent.received.items():
                first[number] = min(at, first.get(number, at))
        return sorted(at - opened[number].at for number, at in first.items() if number in opened)
