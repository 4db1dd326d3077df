"""What must hold after a run: compares what the databases hold with what people heard.

Pure: takes both, returns each promise with what speaks against it. The page is docs/cli.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .articles import Published
from .bad_input import Trial
from .dead import DeadLetter
from .facts import Facts
from .heard import Heard
from .seekers import Seeking, Sought


@dataclass(frozen=True, slots=True)
class Check:
    """A promise, and what speaks against it (nothing, if it was kept)."""

    promise: str
    against: Sequence[str]


def check(
    facts: Facts,
    heard: Heard,
    trials: Sequence[Trial],
    dead: Sequence[DeadLetter],
    sent_to_die: set[str],
    mail_folder: set[str],
) -> list[Check]:
    """All promises that the demo can judge. `mail_folder`: ids of the mails that arrived."""
    opened, tickets = heard.opened(), facts.by_number
    received = heard.received()
    unexpected = [
        f"{letter.id} in {letter.died_in}: {letter.reason}" for letter in dead if letter.id not in sent_to_die
    ]
    return [
        Check("every command got exactly one outcome", list(_outcomes(heard))),
        Check("the broker took and routed everything", list(_untaken(heard))),
        Check(
            "every ticket in the database was announced as opened to its sender, and the other way round",
            sorted(opened.keys() ^ tickets.keys()),
        ),
        Check("nobody has two open tickets for one issue", facts.open_twice),
        Check(
            "everything answered as a duplicate is a note in a history, and whoever wrote a note was answered",
            list(_notes(facts, heard)),
        ),
        Check(
            "routing and sla agree with intake on every open ticket: agent or waiting, load, timers",
            facts.disagreements,
        ),
        Check("the agent of each ticket heard of it, and nobody else did", list(_misassigned(facts, received))),
        Check("no agent got more than their capacity", list(_overloaded(heard))),
        Check(
            "nobody heard anything twice, and every notification went out",
            [f"{facts.told_twice} twice"] * bool(facts.told_twice)
            + [
                f"{count} {kind} by {medium} {status}"
                for (kind, medium, status), count in facts.deliveries.items()
                if status in ("waiting", "pending", "failed")
            ],
        ),
        Check("every mail that was sent has arrived", sorted(facts.mails - mail_folder)),
        Check(
            "bad input got the contract's answer",
            [f"{trial.what}: {trial.got} instead of {trial.expected}" for trial in trials if not trial.passed],
        ),
        Check("only what had to die is a dead letter", unexpected),
    ]


def check_articles(published: Published, seeking: Seeking, facts: Facts) -> list[Check]:
    """The promises about articles, and about people who read them before they file."""
    return [
        Check(
            "a channel is shown every shipped article for everybody, and none for staff",
            [
                *published.refused,
                *(f"{id_} is not shown" for id_ in sorted(published.public - seeking.shown)),
                *(f"{id_} is shown" for id_ in sorted(published.internal & seeking.shown)),
            ],
        ),
        Check(
            "everybody who typed a question was offered the article that answers it",
            [f"{sought.seeker.article} to {sought.seeker.name}" for sought in seeking.sought if not sought.read],
        ),
        Check("every reading counts once, and so does every vote", list(_miscounted(seeking.sought, facts))),
        Check(
            "a draft is known as filed if a ticket came of it, and waits to be counted if none did",
            list(_misjudged(seeking.sought, facts)),
        ),
    ]


def _miscounted(sought: Sequence[Sought], facts: Facts) -> Iterable[str]:
    read = [each for each in sought if each.read]
    said = sum(bool(each.seeker.lacks) for each in read)
    for what, number in (
        ("viewed", len(read)),
        ("helped", len(read) - said),
        ("not helped", said),
        ("words", said),
    ):
        if (counted := facts.readings[what]) != number:
            yield f"{what}: {counted} instead of {number}"


def _misjudged(sought: Sequence[Sought], facts: Facts) -> Iterable[str]:
    for each in sought:
        due = "filed" if each.number else "waits"
        if each.read and (found := facts.drafts.get(each.draft, "unknown")) != due:
            yield f"that of {each.seeker.name}: {found} instead of {due}"


def _outcomes(heard: Heard) -> Iterable[str]:
    for name, sent in heard.commands():
        if len(sent.answers) != 1:
            labels = ", ".join(answer.label for answer in sent.answers.values()) or "none"
            yield f"{sent.type} of {name}: {labels}"


def _untaken(heard: Heard) -> Iterable[str]:
    for sender in heard.senders:
        yield from (f"of {sender.name}: {error}" for error in sender.not_taken)


def _notes(facts: Facts, heard: Heard) -> Iterable[str]:
    """A duplicate names its note. A reply in the same words as the one before becomes a note too, and is accepted like
    any reply (docs/automatic.md): it names the version that it made."""
    answered: Counter[tuple[str, int]] = Counter()
    for name, sent in heard.commands():
        answer = sent.answer
        if answer is None or answer.type not in ("ticket.duplicate", "command.accepted"):
            continue
        answered[answer.number, answer.version] += 1
        if answer.type == "ticket.duplicate" and facts.notes.get(answer.note) != (answer.number, answer.version):
            yield f"{sent.type} of {name}: note {answer.note} is not version {answer.version} of {answer.number}"
    for number, version in facts.notes.values():
        if (count := answered[number, version]) != 1:
            yield f"the note that is version {version} of {number} was answered to {count} commands"


def _misassigned(facts: Facts, received: dict[str, set[str]]) -> Iterable[str]:
    for ticket in facts.tickets:
        agent = {ticket["agent"]["id"]} if ticket["agent"] else set()
        told = received.get(ticket["number"], set())
        if agent != told:
            yield f"{ticket['number']} is with {agent or 'nobody'}; these heard of it: {told or 'none'}"


def _overloaded(heard: Heard) -> Iterable[str]:
    # Replies may add to an agent's load, so only tickets that wait for their first answer are judged.
    for agent in heard.agents:
        if agent.most_unanswered > heard.capacity:
            yield f"{agent.id} had {agent.most_unanswered} at once"
