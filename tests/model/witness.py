"""Watches the desk of the model-based test: each commit as it happens, and the whole whenever the desk is at rest.

It holds what intake commits to the model (reference.py), and what routing and sla commit to the rules of routing and
time. At rest, the checker of the system tests judges what it can see. The page is docs/testing.md.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from contracts.names import AGENT_PREFIX, AGENTS, DESK, EVENTS
from services.chassis.database import Document
from services.chassis.reading import Delivery
from services.chassis.unit_of_work import Work
from tests.model.agents import supervises, supervisors_of
from tests.model.cases import DESKS_TURN, ERASED, WEEK, Broken, Case
from tests.model.desk import ModelDesk
from tests.model.network import decoded
from tests.model.reference import Model
from tests.system import checker
from tests.system.evidence import Evidence, Sent

FOR_THE_DESK = "for the desk alone"
"""In all texts that no channel may ever see."""

OFFLINE_AFTER = timedelta(minutes=10)
UNDER_WAY = timedelta(seconds=30)
"""So long at most an assignment is."""

SHORTEST_TARGET = timedelta(days=1)

JUDGED_AT_REST = (
    checker.one_outcome_a_command,
    checker.an_effect_as_answered,
    checker.nothing_said_differently,
    checker.versions_without_gaps,
    checker.assigned_or_waiting,
    checker.no_ticket_waits_for_a_free_agent,
    checker.load_counts_what_awaits_the_desk,
    checker.one_heartbeat_timer_an_agent,
    checker.one_notification_each,
    checker.nothing_left_over,
)
"""The checker's other guarantees are for desks whose clock stands nearly still and whose agents keep their tickets;
here the model says more."""


class Witness:
    """Sees all and raises `Broken` with what is wrong."""

    def __init__(self, desk: ModelDesk, model: Model) -> None:
        self.model = model
        self.sent: list[Sent] = []
        self._databases = {service: first for service, (first, *_) in desk.databases.items()}
        self._desk, self._clock, self._network = desk, desk.clock, desk.network
        self._said: Counter[tuple[object, ...]] = Counter()
        self._reserved_at: dict[tuple[str, int], datetime] = {}
        """When routing last gave a ticket to somebody, by number and the `assignment_seq` that it has then."""
        self._entries: dict[str, Document] = {}
        self._seen_by_channels = 0
        self._forms: set[tuple[str, str]] = set()
        """From which something came to a ticket."""

    def committed(self, service: str, work: Work, in_hand: Sequence[Delivery], overtaken: bool) -> None:
        """One turn was stored."""
        events = [decoded(out.body) for out in work.outgoing if out.exchange == EVENTS]
        commands = {
            f"{delivery.properties['user_id']}\x1f{decoded(delivery.body)['id']}": delivery
            for delivery in reversed(in_hand)
        }
        for handled in work.handled:
            command = commands.get(handled.key)
            if handled.answer_body is None or command is None or service not in ("intake", "routing"):
                continue
            if overtaken and handled.answer_type == "command.rejected":
                continue  # it wrote nothing that another could have changed: it came first, for what was then
            event, user = decoded(command.body), str(command.properties["user_id"])
            said = [caused for caused in events if caused.get("causationid") == event["id"]]
            if overtaken and not said and event["type"] in ("agent.pause", "agent.resume"):
                continue  # nor did that, of agents who had paused or resumed before
            changed = self.model.take(event["type"], user, event["data"], work.now, decoded(handled.answer_body))
            self._announced(changed, said, work.now)
            self._filed(event["data"].get("draft"), user, changed, said)
            self._holder_hears(event, changed, work)
        if service == "intake":
            answered = {decoded(command.body)["id"] for command in commands.values()}
            self._ended([event for event in events if event.get("causationid") not in answered], work.now)
        if service == "routing":
            self._routed(work, events)
        if service == "sla":
            self._timed(events, work.now)

    def _announced(self, changed: Sequence[Case], events: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Each version has one event, which says what the model says."""
        told = [event["data"] for event in events if event["type"].startswith("ticket.")]
        if len(told) != len(changed):
            raise Broken(f"{len(changed)} cases changed, {len(told)} events were said: {events}")
        for case, data in zip(changed, told, strict=True):
            ticket = data["ticket"]
            wanted = {**case.as_announced(), "agent": case.agent, "name": case.name, "tier": case.tier}
            said = {name: plain(ticket.get(name)) for name in wanted}
            said["agent"] = ticket["agent"] and ticket["agent"]["id"]
            said["name"], said["tier"] = ticket["requester"]["display_name"], ticket["requester"]["tier"]
            if said != wanted:
                differ = {name: (said[name], wanted[name]) for name in wanted if said[name] != wanted[name]}
                raise Broken(f"case {case.number} is said to be otherwise than the rules have it (said, is): {differ}")

    def _filed(
        self, draft: str | None, channel: str, changed: Sequence[Case], events: Sequence[Mapping[str, Any]]
    ) -> None:
        """A form from which something came to a ticket is told of once, and the ticket's event names it."""
        wanted = [] if draft is None or not changed else [(channel, draft)]
        told = [event["data"] for event in events if event["type"] == "draft.filed"]
        named = [
            event["data"]["draft"] for event in events if event["type"] != "draft.filed" and "draft" in event["data"]
        ]
        if [(each["channel"], each["draft"]) for each in told] != wanted or named != [draft for _, draft in wanted]:
            raise Broken(f"the form {draft} of {channel} is told of as {told} and named as {named}")
        self._forms.update(wanted)

    def _holder_hears(self, command: Mapping[str, Any], changed: Sequence[Case], work: Work) -> None:
        """What a supervisor does to a ticket, its agent hears; what a machine says, no agent does."""
        by, type_ = command["data"].get("agent_id"), command["type"]
        if command["data"].get("automatic") and any(
            out.exchange == AGENTS and decoded(out.body).get("causationid") == command["id"] for out in work.outgoing
        ):
            raise Broken(f"an agent hears what a machine wrote: {command}")
        if not changed or by is None or type_ in ("ticket.assign_to", "ticket.take_away", "ticket.transfer"):
            return
        holder = changed[0].agent
        if holder is None or holder == by or not supervises(by, holder, changed[0].category):
            return
        said = [decoded(out.body) for out in work.outgoing if out.routing_key.startswith(f"{AGENT_PREFIX}{holder}.")]
        heard = {(event.get("causationid"), event.get("subject")) for event in said}
        if (command["id"], changed[0].number) not in heard:
            raise Broken(f"{holder} did not hear what {by} did to {changed[0].number}: {type_}")

    def _ended(self, events: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """What the timers of temporary accounts and of erased people do."""
        for event in events:
            if event["type"] == "account.temporary_expired":
                self.model.ended(event["data"]["account_id"], now)
        for event in events:
            by_service = event["type"] in ("ticket.edited", "ticket.closed")
            if by_service and event["data"]["entry"]["author"]["kind"] == "service":
                self._announced(self.model.erased(event["subject"], now), [event], now)

    # routing

    def _routed(self, work: Work, events: Sequence[Mapping[str, Any]]) -> None:
        for event in events:
            agent = event["data"].get("agent_id")
            if event["type"] == "agent.signed_off" and event["data"].get("reason") == "offline":
                if work.now - self.heard_of(agent) < OFFLINE_AFTER:
                    raise Broken(f"{agent} is offline, though they were heard of at {self.heard_of(agent)}")
                self.model.signed_off(agent, work.now, release=True)
        commands = [
            (out.type, decoded(out.body)["data"])
            for out in work.outgoing
            if out.exchange == DESK and out.type in ("ticket.assign", "ticket.unassign")
        ]
        left = {event["data"]["agent_id"] for event in events if event["type"] == "agent.signed_off"}
        for type_, data in commands:
            if type_ == "ticket.unassign":
                self._taken_back_well(data["number"], data["assignment_seq"], work.now, left)
            else:
                self._reserved_at[data["number"], data["assignment_seq"] + 1] = work.now
        given = {data["number"]: data["agent"]["id"] for type_, data in commands if type_ == "ticket.assign"}
        if given:
            self._assigned_well(given)

    def _taken_back_well(self, number: str, seq: int, now: datetime, left: Collection[str]) -> None:
        """From an agent who is gone for good or for long, or was when they got it or it was reopened; or who does not
        have the skill."""
        case = self.model.cases[number]
        if case.seq != seq or case.agent is None or case.agent in left:
            return  # it is another's by now, or its agent has left in this very turn
        agent, reserved_at = case.agent, self._reserved_at.get((number, seq))
        if agent in self.model.agents:
            fits = case.reclassified_as == seq
        else:
            under_way = reserved_at is not None and now - reserved_at < UNDER_WAY
            fits = self.model.is_gone(agent, now) or case.reopened_as == seq or under_way
        if not fits:
            raise Broken(f"{number} is taken from {agent}, who may keep it, at {now}: {case}")

    def _assigned_well(self, given: Mapping[str, str]) -> None:
        """To an agent who is there, may have it and has room; and no less urgent one before a more urgent one."""
        agents = {row["_id"]: row for row in self._databases["routing"]["agents"].find()}
        tickets = {row["number"]: row for row in self._databases["routing"]["tickets"].find()}
        load = Counter(filter(None, map(_charged_to, tickets.values())))
        waiting = [ticket for ticket in tickets.values() if ticket.get("waiting")]
        for number, agent_id in given.items():
            agent, ticket = agents[agent_id], tickets[number]
            present = agent_id in self.model.agents and agent_id not in self.model.paused and not agent["away"]
            if not present or not _may_take(agent, ticket):
                raise Broken(f"{number} is given to {agent_id}, who cannot have it: {agent} {ticket}")
            if load[agent_id] > self.model.agents[agent_id]["capacity"] or load[agent_id] != agent["load"]:
                raise Broken(f"{number} is given to {agent_id}, who has {load[agent_id]} already: {agent}")
            for other in waiting:
                if _may_take(agent, other) and _urgency(other) < _urgency(ticket):
                    raise Broken(f"{number} is given to {agent_id}, while the more urgent {other['number']} waits")

    def heard_of(self, agent: str) -> datetime:
        """When the agent last gave a sign of life, as they were told."""
        for heard in reversed(self._network.heard):
            its_own = heard.user == AGENT_PREFIX + agent and heard.type == "command.accepted"
            if its_own and heard.event["causationid"] in self._signs_of_life:
                return datetime.fromisoformat(heard.event["time"])
        return datetime.min.replace(tzinfo=self._clock.now.tzinfo)

    @property
    def _signs_of_life(self) -> Collection[str]:
        return {message.id for message in self.sent if message.type in ("agent.sign_on", "agent.heartbeat")}

    # time

    def _timed(self, events: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Warnings, breaches and reminders: in time, and once."""
        for event in events:
            type_, data = event["type"], event["data"]
            if type_ in ("sla.warning", "sla.breached"):
                self._once(type_, data["ticket_id"], data["due_at"])
                due = datetime.fromisoformat(data["due_at"])
                if type_ == "sla.warning" and not datetime.fromisoformat(data["warn_at"]) <= now < due:
                    raise Broken(f"{data['number']} is warned of at {now}: {data}")
                if type_ == "sla.breached" and now < due:
                    raise Broken(f"{data['number']} is breached at {now}: {data}")
                told, ticket = data.get("supervisors", []), data["ticket"]
                if told != ([] if ticket["agent"] else supervisors_of(ticket["category"])):
                    raise Broken(f"{told} hear of {type_} of {data['number']}, which {ticket['agent']} has")
            elif type_ == "sla.closing_soon":
                self._once(type_, data["ticket_id"], data["status_version"])
                closes_at = datetime.fromisoformat(data["closes_at"])
                if not closes_at - timedelta(days=1) <= now < closes_at:
                    raise Broken(f"the requester of {data['number']} is reminded at {now}: {data}")

    def _once(self, *said: object) -> None:
        self._said[said] += 1
        if self._said[said] > 1:
            raise Broken(f"said twice: {said}")

    # at rest

    def at_rest(self) -> None:
        """The desk has nothing left to do: judge the whole."""
        evidence = self._evidence()
        found = [sentence for guarantee in JUDGED_AT_REST for sentence in guarantee(evidence)]
        # What came to notifications when the account had ended is not mailed: its address is forgotten.
        found = [
            complaint
            for complaint in found
            if not (complaint.endswith("was not delivered") and any(id_ in complaint for id_ in self._gone))
        ]
        found = [complaint for complaint in found if not self._is_of_erased(complaint, evidence)]
        found += self._words_of_erased()
        found += [f"{dead.id} is in helpdesk.dead: {dead.reason}" for dead in evidence.dead]
        found += [*self._as_the_model_says(evidence), *self._history(evidence), *self._timers(evidence)]
        found += self._agents_hear(evidence)
        if (known := self._databases["knowledge"]["drafts"].count_documents({"filed": True})) != len(self._forms):
            found.append(f"knowledge knows of {known} forms from which something was filed: {sorted(self._forms)}")
        if found:
            raise Broken("\n".join(found))

    def _is_of_erased(self, sentence: str, evidence: Evidence) -> bool:
        """What was to be told of them is dropped, unless it was told before; and an answer that is given once more is
        given without their names and words."""
        if "different bodies" in sentence:
            answers = [
                message
                for message in evidence.heard
                if f" {message.event.get('causationid')} of {message.user} " in sentence
            ]
            return any(ERASED.encode() in answer.body for answer in answers)
        erased = {number for number, case in self.model.cases.items() if case.erased}
        events = {
            event.id
            for event in evidence.events
            if event.event.get("subject") in erased or (self.model.erasures and event.type.startswith("account."))
        }
        events |= {delivery["_id"] for delivery in evidence.deliveries if delivery["event_id"] in events}
        return ("deliver" in sentence or "mail" in sentence) and any(id_ in sentence for id_ in events)

    def _words_of_erased(self) -> Iterator[str]:
        """Nobody keeps what a person had erased, or a case that must belong to nobody."""
        for case in self.model.cases.values():
            if self.model.erasure_of(case) is not None:
                yield f"{case.number} is still that of {case.person}, who is erased"
        bodies = [case.body for case in self.model.cases.values() if case.erased and case.subject == ERASED]
        words = re.compile("|".join(rf"{re.escape(body)}(?!\d)" for body in bodies))
        for service, database in self._databases.items() if bodies else ():
            for name in database.list_collection_names():
                for row in database[name].find():
                    if said := words.search(repr(row)):
                        yield f"{service} keeps {said.group()!r} of who is erased in {name}: {row['_id']}"

    @property
    def _gone(self) -> set[str]:
        return {id_ for id_, account in self.model.temporary.items() if account.ended}

    def _evidence(self) -> Evidence:
        stored, mails = self._databases, Counter(delivery.id for delivery, _ in self._desk.post.mails)
        deliveries = list(stored["notifications"]["deliveries"].find())
        for taken in deliveries:
            if taken["status"] == "skipped" and taken["recipient"] in self._gone:  # its address was forgotten first
                taken["status"] = "sent"
                mails[taken["_id"]] += 1
        return Evidence(
            sent=self.sent,
            heard=self._network.heard,
            events=self._network.events,
            tickets=list(stored["intake"]["tickets"].find()),
            entries=list(stored["intake"]["entries"].find()),
            agents=list(stored["routing"]["agents"].find()),
            routed=list(stored["routing"]["tickets"].find()),
            timers=list(stored["sla"]["timers"].find()),
            other_timers=[row for service in ("intake", "routing") for row in stored[service]["timers"].find()],
            deliveries=deliveries,
            mails=list(mails),
            mail_arrivals=dict(mails),
            mail_repeats=self._desk.deaths * len(mails),  # a death between sending and its record repeats mails
            outboxes={service: unsent(database) for service, database in stored.items()},
            queues={queue: len(held) for queue, held in self._network.queues.items()},
            dead=self._network.dead,
            now=self._clock.now,
        )

    def _as_the_model_says(self, evidence: Evidence) -> Iterator[str]:
        """What is stored is what the model has, in intake and in sla."""
        stored = {ticket["number"]: ticket for ticket in evidence.tickets}
        if set(stored) != set(self.model.cases):
            yield f"stored are {sorted(stored)}, the model has {sorted(self.model.cases)}"
        kept = {row["newest"]["number"]: row["newest"] for row in self._databases["sla"]["tickets"].find()}
        for number, case in self.model.cases.items():
            if stored[number]["version"] != case.version or kept.get(number, {}).get("version") != case.version:
                yield f"case {number} is at version {case.version}, but not so in intake or sla"
            if case.is_open and stored[number].get("open_key") is None:
                yield f"case {number} is open, but does not hold its issue"
            agent = case.agent if case.status in DESKS_TURN else None
            if agent is not None and self.model.is_gone(agent, self._clock.now):
                yield f"{number} awaits the desk with {agent}, who is gone"

    def _history(self, evidence: Evidence) -> Iterator[str]:
        """It only grows; and nothing that is for the desk alone was said to a channel."""
        entries = {entry["_id"]: entry for entry in evidence.entries}
        erased = {ticket["_id"] for ticket in evidence.tickets if ticket.get("erased")}
        for id_, entry in self._entries.items():
            if entry["ticket_id"] in erased and id_ in entries:
                continue
            if _but_for_names(entries.get(id_)) != _but_for_names(entry):
                yield f"the history changed: {entry} is now {entries.get(id_)}"
        self._entries = entries
        heard, self._seen_by_channels = evidence.heard[self._seen_by_channels :], len(evidence.heard)
        for message in heard:
            if not message.user.startswith(AGENT_PREFIX) and FOR_THE_DESK.encode() in message.body:
                yield f"{message.user} heard what is for the desk alone: {message.type} {message.id}"

    def _timers(self, evidence: Evidence) -> Iterator[str]:
        """Armed is what the state asks for, and nothing is overdue."""
        armed: dict[str, dict[str, datetime]] = defaultdict(dict)
        for timer in (*evidence.timers, *evidence.other_timers):
            if timer["due"] <= self._clock.now:
                yield f"the timer {timer['kind']} for {timer['about']} has been due since {timer['due']}"
            armed[timer["about"]][timer["kind"]] = timer["due"]
        for ticket in evidence.tickets:
            case, has = self.model.cases[ticket["number"]], armed[ticket["_id"]]
            allowed = {"warning", "breach"} if case.status in DESKS_TURN else set()
            if case.status == "solution_suggested":
                allowed = {"auto_close", "closing_soon"}
                if has.get("auto_close") != case.status_since + WEEK:
                    yield f"{case.number} closes at {has.get('auto_close')}, suggested at {case.status_since}"
            if set(has) - allowed:
                yield f"{case.number} is {case.status} and has the timers {sorted(has)}"
            since = case.unanswered_since
            in_time = (
                since is not None and self._clock.now - since < SHORTEST_TARGET and not self._said_of(ticket["_id"])
            )
            if case.status in DESKS_TURN and in_time and "breach" not in has:
                yield f"the requester of {case.number} waits since {since}, and no target runs"

    def _said_of(self, ticket_id: str) -> bool:
        return any(said[:2] == ("sla.breached", ticket_id) for said in self._said)

    def _agents_hear(self, evidence: Evidence) -> Iterator[str]:
        """An agent who gets a ticket hears of it once, with that version; so does an agent who loses it."""
        heard: dict[tuple[str, str, int], set[str]] = defaultdict(set)
        told = [message for message in evidence.heard if message.type in ("ticket.assigned", "ticket.unassigned")]
        for message in told:
            if message.user.startswith(AGENT_PREFIX):
                heard[message.user, message.type, _version(message.event)].add(message.id)
        due = set()
        for versions in evidence.ticket_events.values():
            before = None
            for version in sorted(versions):
                event = versions[version]
                agent = event["data"]["ticket"]["agent"] and event["data"]["ticket"]["agent"]["id"]
                if agent != before:
                    at = hash((event["data"]["ticket"]["number"], version))
                    due |= {(AGENT_PREFIX + agent, "ticket.assigned", at)} if agent else set()
                    due |= {(AGENT_PREFIX + before, "ticket.unassigned", at)} if before else set()
                before = agent
        yield from (f"{user} did not hear {type_}" for user, type_, _ in due - set(heard))
        yield from (f"{user} heard {type_} for nothing" for user, type_, _ in set(heard) - due)
        yield from (f"{user} heard {type_} {len(ids)} times" for (user, type_, _), ids in heard.items() if len(ids) > 1)


def unsent(database: Database[Document]) -> int:
    """What was sent is removed without waiting for a majority of the database, so it is not read from one either."""
    return database.get_collection("outbox", read_concern=ReadConcern("local")).count_documents({})


def _version(event: Mapping[str, Any]) -> int:
    ticket = event["data"]["ticket"]
    return hash((ticket["number"], ticket["version"]))


def _but_for_names(entry: Document | None) -> Document | None:
    """An entry without the name of its author, which is erased with their account."""
    return entry and {**entry, "author": {**entry["author"], "display_name": None}}


def plain(value: Any) -> Any:
    """A time of the wire as a datetime."""
    if isinstance(value, str) and value.endswith("Z") and value[:2] == "20":
        return datetime.fromisoformat(value)
    return value


def _charged_to(ticket: Document) -> str | None:
    reservation = ticket.get("reservation")
    if ticket["agent"] is not None:
        return ticket["agent"] if ticket["status"] in DESKS_TURN else None
    return reservation["agent"] if reservation and not reservation.get("refused") else None


def _may_take(agent: Document, ticket: Document) -> bool:
    return (
        bool({"*", ticket["skill"]} & set(agent["skills"]))
        and ticket["tier"] in (agent["tiers"] or ("standard", "vip"))
        and ticket.get("changed_from") != agent["_id"]
    )


def _urgency(ticket: Document) -> tuple[object, ...]:
    return ticket["priority"], not ticket["escalated"], ticket["tier"] != "vip", ticket["opened_at"], ticket["number"]
