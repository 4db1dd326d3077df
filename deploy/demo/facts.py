"""What the services' databases hold of one run: the demo's own count, apart from what its people heard. It only reads.

The page is docs/cli.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.cli.articles.reading import figures
from deploy.cli.desk import Desk, database_now
from deploy.cli.doctor import evidence
from services.knowledge.domain.values.counts import draft_id

from .run import Run
from .seekers import Sought

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """One run as the databases have it."""

    tickets: Sequence[Document]
    """Intake's tickets, without history."""
    notes: Mapping[str, tuple[str, int]]
    """The notes that people wrote: their id, and the number and the version of the ticket that each made."""
    disagreements: Sequence[str]
    """Where the services' databases disagree, for the whole desk (docs/operating.md)."""
    clocks: Counter[str]
    """sla's clocks: `started` in all, of which `met`, `breached`, `running`, or `closed unanswered`."""
    timers: dict[str, set[str]]
    """Kinds of the timers that stand, by ticket id."""
    deliveries: Counter[tuple[str, str, str]]
    """Notifications by kind, medium (`channel`, `agent`, `email`) and status."""
    told_twice: int
    """How often notifications told one recipient of one event by one medium once more."""
    mails: set[str]
    """Ids of the mails that were sent."""
    open_twice: list[str]
    """Persons with more than one open ticket for an issue."""
    readings: Counter[str]
    """How often articles were `viewed` during the run, how often they `helped` or did not (`not helped`), and how often
    somebody said why (`words`): of everybody, for nobody else is to read meanwhile."""
    drafts: Mapping[str, str]
    """What knowledge has of the drafts of the run from which an article was read: `filed`, or `waits` while a timer is
    to count it as deflected."""

    @property
    def by_number(self) -> dict[str, Document]:
        """The tickets by number."""
        return {ticket["number"]: ticket for ticket in self.tickets}


class Reader:
    """Reads the databases for a run, its visitor's account and what its readers of articles sought, which are learnt
    later."""

    def __init__(self, desk: Desk, run: Run) -> None:
        self._desk = desk
        self._run = run
        self.visitor = ""
        self.sought: Sequence[Sought] = ()
        self._since = database_now(desk.client)
        self._read_before = self._readings()

    @property
    def _of_run(self) -> dict[str, Any]:
        persons = {"person": {"$regex": f"^account:{self._run.id}-"}}
        return {"$or": [persons, {"person": f"temporary:{self.visitor}"}]} if self.visitor else persons

    def by_status(self) -> Counter[str]:
        """Tickets of the run by status, for the live table."""
        groups = self._desk.intake.tickets.aggregate(
            [{"$match": self._of_run}, {"$group": {"_id": "$status", "count": {"$sum": 1}}}]
        )
        return Counter({group["_id"]: group["count"] for group in groups})

    def notifications(self) -> int:
        """How many notifications there are, of all runs: the number stands still when there is nothing more to tell."""
        return self._desk.notifications.deliveries.estimated_document_count()

    def unfinished(self) -> list[str]:
        """What is still going on behind the outcomes, in words; empty when everything is finished."""
        desk = self._desk
        unassigned = {"$and": [self._of_run, {"agent": None, "status": {"$ne": "closed"}}]}
        counts = {
            "tickets without agent": desk.intake.tickets.count_documents(unassigned),
            "tickets with notifications under way": self._being_told(),
            **{
                f"turns of {name} unsent": database.outbox.count_documents({})
                for name, database in (
                    ("intake", desk.intake),
                    ("routing", desk.routing),
                    ("sla", desk.sla),
                    ("notifications", desk.notifications),
                    ("knowledge", desk.knowledge),
                )
            },
            "filed drafts of which knowledge has not heard": self._unheard_drafts(),
        }
        if not any(counts.values()):  # the expensive question last
            counts |= self._behind()
        return [f"{count:,} {what}" for what, count in counts.items() if count]

    def _unheard_drafts(self) -> int:
        known = self._drafts()
        return sum(known.get(sought.draft) != "filed" for sought in self.sought if sought.number)

    def _being_told(self) -> int:
        """How many tickets somebody is still to be told of; another run's may be tried again for days."""
        under_way = {"status": {"$in": ["waiting", "pending"]}}
        numbers = {row.get("number") for row in self._desk.notifications.deliveries.find(under_way, {"number": 1})}
        of_run = {"$and": [self._of_run, {"number": {"$in": list(numbers)}}]}
        return self._desk.intake.tickets.count_documents(of_run) if numbers else 0

    def _behind(self) -> dict[str, int]:
        """How many tickets routing and sla do not know at their newest version."""
        versions = {
            ticket["_id"]: ticket["version"] for ticket in self._desk.intake.tickets.find(self._of_run, {"version": 1})
        }
        these = {"_id": {"$in": list(versions)}}
        routing = self._desk.routing.tickets.find(these, {"version": 1})
        sla = self._desk.sla.tickets.find(these, {"newest.version": 1})
        known = {
            "routing": {row["_id"]: row["version"] for row in routing},
            "sla": {row["_id"]: row["newest"]["version"] for row in sla},
        }
        return {
            f"tickets of which {name} is behind": sum(seen.get(id_, 0) < version for id_, version in versions.items())
            for name, seen in known.items()
        }

    def read(self) -> Facts:
        """Everything, once the run is finished."""
        desk = self._desk
        tickets = list(desk.intake.tickets.find(self._of_run, {"opening": 0}))
        ids = [ticket["_id"] for ticket in tickets]
        number_of = {ticket["_id"]: ticket["number"] for ticket in tickets}
        by_people = {"ticket_id": {"$in": ids}, "kind": "note_added", "author.kind": {"$ne": "service"}}
        notes = desk.intake.entries.find(by_people, {"ticket_id": 1, "version": 1})
        keys = Counter((ticket["person"], ticket["key"]) for ticket in tickets if ticket["status"] != "closed")
        clocks: Counter[str] = Counter()
        for row in desk.sla.tickets.find({"_id": {"$in": ids}}, {"watches": 1}):
            for watch in row["watches"]:
                running = watch["clock"]["ended_at"] is None
                clocks.update(started=1, met=watch["met"], breached=watch["breached"], running=running)
                clocks["closed unanswered"] += not (watch["met"] or watch["breached"] or running)
        timers: dict[str, set[str]] = {}
        for timer in desk.sla.timers.find({"about": {"$in": ids}}, {"about": 1, "kind": 1}):
            timers.setdefault(timer["about"], set()).add(timer["kind"])
        numbers = set(number_of.values())
        about = {"number": {"$gte": min(numbers, default=""), "$lte": max(numbers, default="")}}
        told = [row for row in desk.notifications.deliveries.find(about) if row["number"] in numbers]
        once = {(row["event_id"], row["recipient"], row["channel"]) for row in told}
        _, disagreements = evidence.compared(desk.client, desk.prefix)
        return Facts(
            tickets=tickets,
            notes={note["_id"]: (number_of[note["ticket_id"]], note["version"]) for note in notes},
            disagreements=[disagreement.what for disagreement in disagreements if disagreement.level == "error"],
            clocks=clocks,
            timers=timers,
            deliveries=Counter((row["kind"], row["channel"], row["status"]) for row in told),
            told_twice=len(told) - len(once),
            mails={row["_id"] for row in told if (row["channel"], row["status"]) == ("email", "sent")},
            open_twice=sorted({person for (person, _), count in keys.items() if count > 1}),
            readings=self._readings() - self._read_before,
            drafts=self._drafts(),
        )

    def _readings(self) -> Counter[str]:
        """How articles were read since the day of the run's beginning."""
        found: Counter[str] = Counter()
        ids = [row["_id"] for row in self._desk.knowledge.articles.find({}, {"_id": 1})]
        for read in figures(self._desk.knowledge, ids, self._since).values():
            found.update(viewed=read.viewed, helped=read.helped, words=len(read.words))
            found["not helped"] += read.not_helped
        return found

    def _drafts(self) -> dict[str, str]:
        by_id = {draft_id(sought.sender.name, sought.draft): sought.draft for sought in self.sought}
        these = {"_id": {"$in": list(by_id)}}
        filed = self._desk.knowledge.drafts.find({**these, "filed": True}, {"_id": 1})
        waiting = self._desk.knowledge.timers.find({"about": {"$in": list(by_id)}, "kind": "deflected"}, {"about": 1})
        found = {by_id[row["about"]]: "waits" for row in waiting}
        return found | {by_id[row["_id"]]: "filed" for row in filed}
