"""The demo's last page: what became of the requests, counted from the databases and from what people heard.

It only prints. The page is docs/cli.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.catalogue import Catalogue
from deploy.cli.percentile import percentile
from deploy.cli.show import STATUS_COLOURS

from .articles import Published
from .bad_input import Trial
from .channels import Channel
from .checks import Check
from .dead import DeadLetter
from .facts import Facts
from .heard import Heard
from .seekers import Seeking
from .speaker import Speaker, latencies

CLOCKS = ("met", "closed unanswered", "running", "breached")
SHOWN = 3
"""How many examples it shows of what is wrong."""


class Summary:
    """Prints the parts of the summary, one method for each."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def tickets(self, facts: Facts, catalogue: Catalogue) -> None:
        """Tickets by category and status."""
        counts = Counter((ticket["category"], ticket["status"]) for ticket in facts.tickets)
        statuses = [status for status in STATUS_COLOURS if any(known == status for _, known in counts)]
        table = self._table(f"{len(facts.tickets):,} tickets", "", *statuses, "all")
        for category in catalogue.categories.values():
            row = [counts[category.id, status] for status in statuses]
            table.add_row(category.name, *map(_count, row), _count(sum(row)))
        table.add_section()
        totals = [sum(counts[category, status] for category in catalogue.categories) for status in statuses]
        table.add_row("all", *map(_count, totals), _count(sum(totals)))
        self._print(table)

    def channels(self, channels: Sequence[Channel]) -> None:
        """What each channel sent and what became of its commands."""
        kinds = {
            "opened": "ticket.opened",
            "duplicates added": "ticket.duplicate",
            "prompts": "ticket.similar",
            "reopened": "ticket.reopened",
            "accepted": "command.accepted",
        }
        table = self._table("Channels", "", "commands", "resent", *kinds, "rejected", "messages shown")
        for channel in channels:
            assert channel.sender
            outcomes = channel.sender.outcomes
            rejected = sum(count for label, count in outcomes.items() if label.startswith("command.rejected"))
            counts = [len(channel.sender.sent), channel.resent, *(outcomes[type_] for type_ in kinds.values())]
            table.add_row(channel.name, *map(_count, [*counts, rejected, sum(channel.messages.values())]))
        self._print(table)

    def agents(self, facts: Facts, heard: Heard) -> None:
        """Assignments by agent, from the database."""
        has = Counter(ticket["agent"]["id"] for ticket in facts.tickets if ticket["agent"])
        done = ("ticket.suggest_solution", "ticket.ask_info", "ticket.close")
        table = self._table("Agents", "", "assigned", "solutions", "questions", "closed")
        for agent in heard.agents:
            table.add_row(
                f"{agent.id} {agent.name}", *map(_count, [has[agent.id], *(agent.did[what] for what in done)])
            )
        self._print(table)

    def rest(self, facts: Facts, heard: Heard, dead: Sequence[DeadLetter]) -> None:
        """Clocks, mails, dead letters, rate and latency, one line each."""
        clocks = facts.clocks
        timers = Counter(kind for kinds in facts.timers.values() for kind in kinds)
        shown = sum(count for (_, medium, _), count in facts.deliveries.items() if medium != "email")
        reasons = Counter(letter.reason.partition(":")[0] for letter in dead)
        self._lines(
            ("clocks armed", f"{clocks['started']:,}: " + ", ".join(f"{clocks[what]:,} {what}" for what in CLOCKS)),
            ("timers set", ", ".join(f"{count:,} {kind}" for kind, count in timers.most_common()) or "none"),
            ("mails sent", f"{len(facts.mails):,}, and {shown:,} messages to channels and agents"),
            (
                "dead letters",
                f"{len(dead):,}: {', '.join(f'{count} × {reason}' for reason, count in reasons.items()) or 'none'}",
            ),
            ("came too late", _rejections(heard.people)),
            *self._speed(heard),
        )

    def _speed(self, heard: Heard) -> Iterable[tuple[str, str]]:
        submitted = [sent for _, sent in heard.commands() if sent.type == "ticket.submit" and sent.answer]
        everything = [sent for _, sent in heard.commands()]
        if not submitted:
            return
        begun = min(sent.at for sent in submitted)
        ended = max(sent.answer.at for sent in submitted if sent.answer)
        yield (
            "rate",
            f"{len(submitted) / (ended - begun):,.0f} submissions answered a second, for {ended - begun:.1f} s",
        )
        yield "publish to outcome", _times(latencies(everything)) + f" ({len(everything):,} commands)"
        assigned = heard.to_assigned()
        yield "publish to agent", _times(assigned) + f" ({len(assigned):,} tickets in their agent's hands)"

    def articles(self, published: Published, seeking: Seeking) -> None:
        """What is published, and what became of those who looked for help before they filed."""
        sought = seeking.sought
        waits = sorted(wait for each in sought for wait in each.offer.waits)
        letters = sorted(float(len(each.offer.typed)) for each in sought if each.read)
        filed = [each.seeker for each in sought if each.number]
        self._console.print(Text("Articles", "bold"))
        self._lines(
            (
                "published",
                f"{len(published.articles):,} in {len(published.languages)} languages: {len(published.public):,} for "
                f"everybody, {len(published.internal):,} for staff",
            ),
            ("suggestions asked", f"{len(waits):,}, by {len(sought)} who typed letter by letter: {_times(waits)}"),
            ("offered the right one", f"{len(letters)}, after {percentile(letters, 0.5):.0f} letters (median)"),
            ("helped, filed nothing", f"{sum(each.helped for each in sought)}"),
            ("filed all the same", "; ".join([f"{len(filed)}", *(f"{who.name}: “{who.lacks}”" for who in filed)])),
        )

    def bad_input(self, trials: Sequence[Trial]) -> None:
        """Each piece of bad input and what it got."""
        table = Table(
            "", "answer", title="Bad input", title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        for trial in trials:
            got = Text(trial.got, "green" if trial.passed else "red")
            table.add_row(trial.what, got if trial.passed else got.append(f", not {trial.expected}"))
        self._print(table)

    def checks(self, checks: Sequence[Check]) -> None:
        """Each promise, kept or not."""
        for check in checks:
            sign = Text("✗ ", "bold red") if check.against else Text("✓ ", "green")
            self._console.print(sign.append(check.promise, "default"))
            for example in check.against[:SHOWN]:
                self._console.print(Text(f"    {example}", "red"))
            if len(check.against) > SHOWN:
                self._console.print(Text(f"    and {len(check.against) - SHOWN:,} more", "red"))

    def _table(self, title: str, *columns: str) -> Table:
        table = Table(*columns, title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for column in table.columns[1:]:
            column.justify = "right"
        return table

    def _print(self, table: Table) -> None:
        self._console.print(table)
        self._console.print()

    def _lines(self, *lines: tuple[str, str]) -> None:
        grid = Table.grid(padding=(0, 2))
        for name, value in lines:
            grid.add_row(Text(name, "bold"), Text(value))
        self._print(grid)


def _count(count: int) -> str:
    return f"{count:,}" if count else "·"


def _rejections(senders: Iterable[Speaker]) -> str:
    """What people were refused because the ticket had moved on when they acted: that is nobody's mistake."""
    rejected = Counter(
        f"{sent.answer.code} of {sent.type}"
        for sender in senders
        for sent in sender.sent.values()
        if sent.answer and sent.answer.code and sent.type.startswith("ticket.")
    )
    return ", ".join(f"{count:,} × {what}" for what, count in rejected.most_common()) or "nothing"


def _times(ascending: list[float]) -> str:
    return ", ".join(
        f"{name} {percentile(ascending, share) * 1000:,.0f} ms"
        for name, share in (("median", 0.5), ("p99", 0.99), ("longest", 1.0))
    )
