"""Says whether a help desk at rest is in order as a whole: what its databases and queues hold, and what its channels
and agents heard, seen together.

Pure: `house.py` collects, `problems` judges. It knows the rules from docs/rules.md and the wire contract, and shares no
code with the services that it checks. The page is docs/testing.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from services.chassis.database import Document
from tests.system.articles import DEFLECTED, OF_ARTICLES
from tests.system.evidence import Evidence, Heard

RESTING = {"need_more_info", "solution_suggested", "closed"}
"""Statuses in which the desk has nothing to do (docs/rules.md, "Routing" and "Time")."""

PRESENCE = {"away", "offline"}
"""Timers for an agent's heartbeats."""

ACCOUNT_END = "account_end"
"""The timer that ends a temporary account."""

TEMPORARY_LASTS = timedelta(days=30)

ANSWERED_EACH_TIME = {"ticket.list", "ticket.view", "agent.heartbeat"}
"""Commands that are decided each time they come, so their outcomes may differ."""

ANSWERED_AS_DONE = {"command.accepted", "ticket.opened", "ticket.duplicate", "ticket.reopened"}

TOLD_TO_REQUESTER = {
    "ticket.opened",
    "ticket.assigned",
    "ticket.info_requested",
    "ticket.solution_suggested",
    "sla.closing_soon",
    "ticket.closed",
    "ticket.merged",
    "ticket.reopened",
    "ticket.escalated",
    "ticket.consent_requested",
}
"""Events that notifications tells the requester of."""

WRITTEN_BY_AGENT = {"ticket.info_requested", "ticket.solution_suggested", "ticket.consent_requested"}
"""Events that a requester hears of even if a machine filed the ticket."""

NOTIFIED_TO_AGENT = {
    "ticket.assigned",
    "ticket.customer_replied",
    "ticket.reopened",
    "ticket.escalated",
    "ticket.consent_answered",
    "sla.warning",
    "sla.breached",
}
"""Events that notifications tells the ticket's agent of, besides the requester's notes."""

TOLD_TO_AGENT = {
    "ticket.assigned": "ticket.assigned",
    "ticket.unassigned": "ticket.unassigned",
    "ticket.customer_replied": "ticket.customer_replied",
    "ticket.note_added": "ticket.customer_replied",
    "ticket.reopened": "ticket.reopened",
    "ticket.closed": "ticket.closed",
}
"""Events of which the ticket's agent hears, and by which message."""

CLOSES_AFTER = timedelta(days=7)
CLOSING_SOON_AFTER = timedelta(days=6)


def problems(evidence: Evidence, bad: Collection[str] = ()) -> list[str]:
    """What is wrong, a sentence each. `bad`: ids of messages that belong in `helpdesk.dead`."""
    found = [sentence for guarantee in GUARANTEES for sentence in guarantee(evidence)]
    found += [f"{dead.id} is in helpdesk.dead: {dead.reason}" for dead in evidence.dead if dead.id not in bad]
    missing = set(bad) - {dead.id for dead in evidence.dead}
    return found + [f"{id_} is bad, but not in helpdesk.dead" for id_ in sorted(missing)]


def one_outcome_a_command(evidence: Evidence) -> Iterator[str]:
    """Each command has exactly one outcome. It may come twice, with the same id, and then byte for byte the same."""
    outcomes: dict[tuple[str, str], list[Heard]] = defaultdict(list)
    commands = {(sent.user, sent.id): sent.type for sent in evidence.sent}
    for heard in evidence.heard:
        key = (heard.user, str(heard.event.get("causationid")))
        if key in commands and _is_outcome(heard):
            outcomes[key].append(heard)
    for key, type_ in commands.items():
        user, id_ = key
        came = outcomes[key]
        ids = {heard.id for heard in came}
        if len(ids) != 1:
            yield f"{type_} {id_} of {user} has {len(ids)} outcomes: {sorted(heard.type for heard in came)}"
        elif type_ not in ANSWERED_EACH_TIME and len({heard.body for heard in came}) > 1:
            yield f"the outcome of {type_} {id_} of {user} came with different bodies"


def _is_outcome(heard: Heard) -> bool:
    """An agent hears `ticket.reopened` of a ticket of theirs, even if they reopened it: that has an entry of the
    history, and an outcome never does."""
    if "entry" in heard.event["data"]:
        return False
    return heard.type.startswith("command.") or heard.type in {
        "ticket.opened",
        "ticket.duplicate",
        "ticket.similar",
        "ticket.reopened",
        "ticket.listed",
        "ticket.viewed",
        "account.temporary_opened",
    }


def one_effect_a_command(evidence: Evidence) -> Iterator[str]:
    """What one command (or event, or timer) caused is at most one version of one ticket. Two exceptions: a burst is
    held and released as one, with a version of each of its tickets; and a note right after a message names files that
    were left out of it."""
    caused: dict[str, set[tuple[str, int, str]]] = defaultdict(set)
    for versions in evidence.ticket_events.values():
        for version, event in versions.items():
            if event.get("causationid") is not None:
                number = event["data"]["ticket"]["number"]
                caused[event["causationid"]].add((number, version, _beside(event, versions.get(version - 1))))
    for cause, effects in caused.items():
        if len({kind for _, _, kind in effects}) < len(effects):
            yield f"{cause} took effect {len(effects)} times: {sorted(effects)}"


def _beside(event: Document, before: Document | None) -> str:
    """What kind of further version this is, besides its command's one effect; empty for the effect itself."""
    if event["type"] in ("ticket.held", "ticket.released"):
        return str(event["data"]["ticket"]["number"])
    entry = event["data"].get("entry") or {}
    is_note = event["type"] == "ticket.note_added" and entry.get("author", {}).get("kind") == "service"
    if is_note and before is not None and before.get("causationid") == event["causationid"]:
        return "left out" if (before["data"].get("entry") or {}).get("left_out") else ""
    return ""


def an_effect_as_answered(evidence: Evidence) -> Iterator[str]:
    """A ticket command that was answered as done caused a version of a ticket; one that was refused, or asked
    something, caused none."""
    caused = {event["causationid"] for versions in evidence.ticket_events.values() for event in versions.values()}
    senders: dict[str, set[str]] = defaultdict(set)
    for sent in evidence.sent:
        senders[sent.id].add(sent.user)
    # Two senders may use one id; an event does not say whose command caused it.
    about_tickets = {
        (sent.user, sent.id): sent.type
        for sent in evidence.sent
        if sent.type.startswith("ticket.") and len(senders[sent.id]) == 1
    }
    answers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for heard in evidence.heard:
        key = (heard.user, str(heard.event.get("causationid")))
        if key in about_tickets and _is_outcome(heard):
            answers[key].add(heard.type)
    for (user, id_), types in answers.items():
        command = f"{about_tickets[user, id_]} {id_} of {user} was answered {sorted(types)}"
        if types & ANSWERED_AS_DONE and id_ not in caused:
            yield f"{command}, but took no effect"
        elif not types & ANSWERED_AS_DONE and id_ in caused:
            yield f"{command}, but took effect"


def nothing_said_differently(evidence: Evidence) -> Iterator[str]:
    """Whatever reaches somebody twice with one id is the same message (outcomes are checked above)."""
    bodies: dict[tuple[str, str], set[bytes]] = defaultdict(set)
    outcomes_apart = (heard for heard in evidence.heard if not _is_outcome(heard))
    for heard in (*outcomes_apart, *evidence.events):
        bodies[heard.user, heard.id].add(heard.body)
    for (user, id_), different in bodies.items():
        if len(different) > 1:
            yield f"{user} heard {id_} with {len(different)} different bodies"


def one_open_ticket_an_issue(evidence: Evidence) -> Iterator[str]:
    """A person has at most one open ticket for an issue, and numbers are unique."""
    open_for: Counter[tuple[str, str, str]] = Counter()
    for ticket in evidence.tickets:
        if ticket["status"] == "closed":
            if "open_key" in ticket:
                yield f"ticket {ticket['number']} is closed, but holds its issue"
            continue
        if "open_key" not in ticket:
            yield f"ticket {ticket['number']} is open, but does not hold its issue"
        requester = ticket["requester"]
        issue = ticket["issue_key"] or f"{ticket['category']}/{ticket['subcategory']}/{ticket['subject'].casefold()}"
        open_for[requester["kind"], requester["id"], issue] += 1
    for (_, person, issue), count in open_for.items():
        if count > 1:
            yield f"{person} has {count} open tickets for {issue!r}"
    yield from _twice((ticket["number"] for ticket in evidence.tickets), "the ticket number")


def versions_without_gaps(evidence: Evidence) -> Iterator[str]:
    """Each version of a ticket has one entry in its history and one event; the newest says what is stored."""
    versions: dict[str, list[int]] = defaultdict(list)
    for entry in evidence.entries:
        versions[entry["ticket_id"]].append(entry["version"])
    ids: dict[tuple[str, int], set[str]] = defaultdict(set)
    for heard in evidence.events:
        if heard.type.startswith("ticket."):
            ticket = heard.event["data"]["ticket"]
            ids[ticket["id"], ticket["version"]].add(heard.id)
    for (ticket_id, version), several in ids.items():
        if len(several) > 1:
            yield f"version {version} of ticket {ticket_id} has {len(several)} events"
    for ticket in evidence.tickets:
        wanted = list(range(1, ticket["version"] + 1))
        number, entries = ticket["number"], sorted(versions[ticket["_id"]])
        told = evidence.ticket_events[ticket["_id"]]
        if entries != wanted:
            yield f"ticket {number} is at version {ticket['version']}, its history has {entries}"
        if sorted(told) != wanted:
            yield f"ticket {number} is at version {ticket['version']}, its events are {sorted(told)}"
        elif (said := told[ticket["version"]]["data"]["ticket"]) and not _agree(ticket, said):
            yield f"the last event of ticket {number} is not what is stored"
    strangers = set(evidence.ticket_events) - {ticket["_id"] for ticket in evidence.tickets}
    yield from (f"there are events of ticket {stranger}, which is not stored" for stranger in strangers)


def _agree(ticket: Document, said: Document) -> bool:
    """Whether everything that is said of a ticket is what is stored."""
    stored = {name: ticket.get("_id" if name == "id" else name) for name in said}
    times = {name: datetime.fromisoformat(said[name]) for name, at in stored.items() if isinstance(at, datetime)}
    return stored == {**said, **times}


def assigned_or_waiting(evidence: Evidence) -> Iterator[str]:
    """Every open ticket is with an agent, waits in routing or is held, and intake and routing say the same."""
    routed = {ticket["_id"]: ticket for ticket in evidence.routed}
    for ticket in evidence.tickets:
        there = routed.pop(ticket["_id"], None)
        if there is None:
            yield f"routing does not know ticket {ticket['number']}"
            continue
        agent = ticket["agent"]["id"] if ticket["agent"] else None
        ours = (ticket["version"], ticket["status"], ticket["assignment_seq"], agent)
        theirs = (there["version"], there["status"], there["assignment_seq"], there["agent"])
        if ours != theirs:
            yield f"ticket {ticket['number']} is {ours} in intake, {theirs} in routing"
        held = ticket.get("held", False)
        if held != there.get("held", False):
            yield f"ticket {ticket['number']} is {'' if held else 'not '}held in intake, otherwise in routing"
        waits = ticket["status"] != "closed" and agent is None and not held
        if waits != bool(there.get("waiting")):
            yield f"ticket {ticket['number']} {'does not wait' if waits else 'waits'} in routing"
        if there.get("reservation"):
            yield f"ticket {ticket['number']} is still reserved"
    yield from (f"routing knows ticket {id_}, which intake has not" for id_ in routed)


def no_ticket_waits_for_a_free_agent(evidence: Evidence) -> Iterator[str]:
    """No ticket waits that an agent with room could take."""
    present = [
        agent for agent in evidence.agents if agent["signed_on"] and not agent["away"] and not agent.get("paused")
    ]
    with_room = [agent for agent in present if agent["load"] < agent["capacity"]]
    for ticket in evidence.routed:
        if ticket.get("waiting"):
            for agent in with_room:
                if (
                    (set(agent["skills"]) & {"*", ticket["skill"]})
                    and (not agent["languages"] or _speaks(agent["languages"], ticket["language"]))
                    and (not agent["tiers"] or ticket["tier"] in agent["tiers"])
                    and ticket.get("changed_from") != agent["_id"]
                ):
                    yield f"ticket {ticket['number']} waits, although {agent['_id']} has room for it"


def _speaks(listed: Sequence[str], language: str | None) -> bool:
    """If `pt` is listed, `pt-BR` is spoken; case makes no difference."""
    parts = (language or "").lower().split("-")
    varieties = {"-".join(parts[: n + 1]) for n in range(len(parts))}
    return language is None or bool(varieties & {language.lower() for language in listed})


def load_counts_what_awaits_the_desk(evidence: Evidence) -> Iterator[str]:
    """An agent's load is the number of their tickets that the desk has to act on."""
    counted = Counter(
        ticket["agent"]["id"] for ticket in evidence.tickets if ticket["agent"] and ticket["status"] not in RESTING
    )
    for agent in evidence.agents:
        if agent["load"] != counted[agent["_id"]]:
            yield f"agent {agent['_id']} has load {agent['load']}, but {counted[agent['_id']]} tickets to act on"


def no_automatic_assignment_beyond_capacity(evidence: Evidence) -> Iterator[str]:
    """An agent never has more tickets than their capacity that have awaited the desk ever since they were assigned.

    A reply or a reopening may exceed the capacity, so tickets that did not await the desk in between are not counted.
    """
    changes: list[tuple[datetime, int, str, str]] = []
    for versions in evidence.ticket_events.values():
        last_agent, without_rest = None, False
        for version in sorted(versions):
            event = versions[version]
            ticket = event["data"]["ticket"]
            agent = ticket["agent"]["id"] if ticket["agent"] else None
            at = datetime.fromisoformat(event["time"])
            if without_rest and last_agent is not None and (agent is None or ticket["status"] in RESTING):
                changes.append((at, -1, last_agent, ticket["number"]))
                without_rest = False
            if event["type"] == "ticket.assigned":
                if last_agent is not None:
                    yield f"ticket {ticket['number']} was assigned to {agent} while {last_agent} had it"
                if agent is not None and ticket["status"] not in RESTING:
                    changes.append((at, +1, agent, ticket["number"]))
                    without_rest = True
            last_agent = agent
    has: Counter[str] = Counter()
    capacity = {agent["_id"]: agent["capacity"] for agent in evidence.agents}
    for at, change, agent, number in sorted(changes):  # at the same instant, what makes room comes first
        has[agent] += change
        if change > 0 and has[agent] > capacity.get(agent, 0):
            count = f"{has[agent]} tickets, with a capacity of {capacity.get(agent, 0)}"
            yield f"agent {agent} was assigned {count}: the last was {number}, at {at.isoformat()}"


def agents_hear_of_their_tickets(evidence: Evidence) -> Iterator[str]:
    """Of each version that concerns its agent, the agent hears in one message."""
    due = set()
    for versions in evidence.ticket_events.values():
        for version, event in versions.items():
            ticket = event["data"]["ticket"]
            agent = event["data"]["previous_agent"] if event["type"] == "ticket.unassigned" else ticket["agent"]
            if event["type"] in TOLD_TO_AGENT and agent is not None and not _is_a_machines(event):
                due.add((f"agent.{agent['id']}", TOLD_TO_AGENT[event["type"]], ticket["number"], version))
    came: dict[tuple[str, str, str, int], set[str]] = defaultdict(set)
    for heard in evidence.heard:
        if heard.user.startswith("agent.") and heard.type in TOLD_TO_AGENT.values():
            ticket = heard.event["data"]["ticket"]
            came[heard.user, heard.type, ticket["number"], ticket["version"]].add(heard.id)
    yield from (
        f"{user} did not hear {type_} of {number}, {version}" for user, type_, number, version in due - set(came)
    )
    for (user, type_, number, version), ids in came.items():
        if (user, type_, number, version) not in due:
            yield f"{user} heard {type_} of {number}, {version}, which is not theirs"
        if len(ids) > 1:
            yield f"{user} heard {type_} of {number}, {version} in {len(ids)} messages"


def one_heartbeat_timer_an_agent(evidence: Evidence) -> Iterator[str]:
    """Whoever is signed on, and nobody else, has one timer for their heartbeats."""
    has = Counter(timer["about"] for timer in evidence.other_timers if timer["kind"] in PRESENCE)
    wanted = Counter(agent["_id"] for agent in evidence.agents if agent["signed_on"])
    for agent in has.keys() | wanted.keys():
        if has[agent] != wanted[agent]:
            yield f"agent {agent} has {has[agent]} timers for their heartbeats instead of {wanted[agent]}"


def one_end_timer_an_account(evidence: Evidence) -> Iterator[str]:
    """A temporary account has at most one timer, due 30 days after its last ticket closed if all are closed."""
    due = [(timer["about"], timer["due"]) for timer in evidence.other_timers if timer["kind"] == ACCOUNT_END]
    yield from (
        f"{account} has {count} timers" for account, count in Counter(about for about, _ in due).items() if count > 1
    )
    closings: dict[str, list[datetime | None]] = defaultdict(list)
    for ticket in evidence.tickets:
        if ticket["requester"]["kind"] == "temporary":
            closings[f"temporary:{ticket['requester']['id']}"].append(ticket["closed_at"])
    found = dict(due)
    for account, closed in closings.items():
        at = [moment for moment in closed if moment is not None]
        if len(at) == len(closed) and found.get(account) != max(at) + TEMPORARY_LASTS:
            yield f"{account} is looked at {found.get(account)}, its last ticket was closed {max(at)}"


def timers_as_the_state_asks(evidence: Evidence) -> Iterator[str]:
    """A reply clock (warning and breach) runs while it is the desk's turn; a suggestion has its closing and the
    reminder before it; besides, only agents who are away, temporary accounts and forms have timers. They are due as
    announced.

    All tickets of a test are younger than any target, so no timer has fired and none is due.
    """
    armed: dict[str, dict[str, Document]] = defaultdict(dict)
    for timer in evidence.timers:
        if timer["kind"] in armed[timer["about"]]:
            yield f"ticket {timer['about']} has two timers {timer['kind']}"
        armed[timer["about"]][timer["kind"]] = timer
        if evidence.now is not None and timer["due"] <= evidence.now:
            yield f"the timer {timer['kind']} of ticket {timer['about']} has been due since {timer['due']}"
    others = [timer for timer in evidence.other_timers if timer["kind"] not in {*PRESENCE, ACCOUNT_END, DEFLECTED}]
    yield from (f"the timer {timer['kind']} for {timer['about']} is armed" for timer in others)
    announced: dict[str, list[tuple[int, tuple[datetime, datetime]]]] = defaultdict(list)
    rested: dict[str, int] = defaultdict(int)
    for heard in evidence.events:
        if heard.type == "sla.armed":
            told = heard.event["data"]
            deadline = (datetime.fromisoformat(told["warn_at"]), datetime.fromisoformat(told["due_at"]))
            announced[told["ticket_id"]].append((told["status_version"], deadline))
        elif heard.type.startswith("ticket."):
            of = heard.event["data"]["ticket"]
            if of["status"] in RESTING:
                rested[of["id"]] = max(rested[of["id"]], of["version"])
    for ticket in evidence.tickets:
        has = armed.pop(ticket["_id"], {})
        wanted = set() if ticket["status"] in RESTING else {"warning", "breach"}
        if ticket["status"] == "solution_suggested":
            wanted = {"auto_close", "closing_soon"}
        if set(has) != wanted:
            yield f"ticket {ticket['number']} is {ticket['status']} and has the timers {sorted(has)}"
        elif "auto_close" in wanted:
            for kind, after in (("auto_close", CLOSES_AFTER), ("closing_soon", CLOSING_SOON_AFTER)):
                due, entered = has[kind]["due"], has[kind]["data"]["status_version"]
                if (due, entered) != (ticket["status_since"] + after, ticket["status_version"]):
                    yield f"ticket {ticket['number']} has {kind} at {due}, by version {entered}"
        elif wanted:
            deadline = (has["warning"]["due"], has["breach"]["due"])
            since_it_awaits = [told for entered, told in announced[ticket["_id"]] if entered > rested[ticket["_id"]]]
            if deadline not in since_it_awaits:
                yield f"nobody was told that ticket {ticket['number']} should be answered by {deadline[1]}"
    yield from (f"{sorted(has)} are armed for {id_}, which is not stored" for id_, has in armed.items())


def one_notification_each(evidence: Evidence) -> Iterator[str]:
    """One delivery for each event, recipient and channel. Each was heard, or is one mail in the mail catcher, which
    came once unless something died or was cut off between the server's acceptance and the record of it."""
    deliveries = evidence.deliveries
    keys = Counter((delivery["event_id"], delivery["recipient"], delivery["channel"]) for delivery in deliveries)
    yield from (f"{key} was delivered {count} times" for key, count in keys.items() if count > 1)
    due = _deliveries_due(evidence)
    yield from (f"{key} was not delivered" for key in due - set(keys))
    yield from (f"{key} was delivered, but is not due" for key in set(keys) - due)
    yield from (
        f"delivery {delivery['_id']} is {delivery['status']}" for delivery in deliveries if delivery["status"] != "sent"
    )
    told = {heard.id for heard in evidence.heard if heard.type == "notification.message"}
    by_message = {delivery["_id"] for delivery in deliveries if delivery["channel"] != "email"}
    yield from (f"delivery {id_} was not heard by anybody" for id_ in by_message - told)
    yield from (f"a notification {id_} was heard that nobody owed" for id_ in told - by_message)
    by_mail = {delivery["_id"] for delivery in deliveries if delivery["channel"] == "email"}
    yield from (f"delivery {id_} is no mail in the catcher" for id_ in by_mail - set(evidence.mails))
    yield from (f"there is a mail {id_} that nobody owed" for id_ in set(evidence.mails) - by_mail)
    yield from _twice(evidence.mails, "a mail")
    again = sum(count - 1 for count in evidence.mail_arrivals.values())
    if again > evidence.mail_repeats:
        most = max(evidence.mail_arrivals, key=lambda id_: evidence.mail_arrivals[id_])
        yield (
            f"mails arrived {again} times too often, where {evidence.mail_repeats} are accounted for:"
            f" {most} came {evidence.mail_arrivals[most]} times"
        )


def _is_a_machines(event: Document) -> bool:
    """Whether a ticket's event is of a message that moves nothing."""
    return bool(event["type"] == "ticket.note_added" and event["data"]["entry"].get("automatic"))


def _deliveries_due(evidence: Evidence) -> set[tuple[str, str, str]]:
    with_address = {
        heard.event["data"]["account_id"]
        for heard in evidence.events
        if heard.type == "account.contact_changed" and heard.event["data"]["email"]
    }
    due = set()
    for heard in evidence.events:
        ticket = heard.event["data"].get("ticket")
        if heard.type == "account.contact_changed" and heard.event["data"].get("code"):
            due.add((heard.id, heard.event["data"]["account_id"], "email"))
        if ticket is None:
            continue
        to_agent, to_requester = heard.type in NOTIFIED_TO_AGENT, heard.type in TOLD_TO_REQUESTER
        if heard.type == "ticket.note_added":
            by_requester = heard.event["data"]["entry"]["author"]["kind"] == "requester"
            to_agent = by_requester and not _is_a_machines(heard.event)
        if heard.type == "ticket.transferred":
            to_agent = to_requester = ticket["agent"] is not None
        if to_requester and (heard.type in WRITTEN_BY_AGENT or not ticket.get("automatic")):
            requester = ticket["requester"]["id"]
            due.add((heard.id, requester, "channel"))
            if requester in with_address:
                due.add((heard.id, requester, "email"))
        agents = heard.event["data"].get("supervisors") or ([ticket["agent"]["id"]] if ticket["agent"] else [])
        due |= {(heard.id, agent, "agent") for agent in agents if to_agent}
    return due


def nothing_left_over(evidence: Evidence) -> Iterator[str]:
    """Outboxes and queues are empty."""
    yield from (f"the outbox of {name} has {left} documents" for name, left in evidence.outboxes.items() if left)
    yield from (f"the queue {name} has {left} messages" for name, left in evidence.queues.items() if left)


def _twice(names: Iterable[str], what: str) -> Iterator[str]:
    yield from (f"{what} {name} is there {count} times" for name, count in Counter(names).items() if count > 1)


GUARANTEES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    one_outcome_a_command,
    one_effect_a_command,
    an_effect_as_answered,
    nothing_said_differently,
    one_open_ticket_an_issue,
    versions_without_gaps,
    assigned_or_waiting,
    no_ticket_waits_for_a_free_agent,
    load_counts_what_awaits_the_desk,
    no_automatic_assignment_beyond_capacity,
    agents_hear_of_their_tickets,
    one_heartbeat_timer_an_agent,
    one_end_timer_an_account,
    timers_as_the_state_asks,
    one_notification_each,
    nothing_left_over,
    *OF_ARTICLES,
)
