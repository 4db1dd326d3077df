"""Whether the declared services and the registry fit together.

A test checks the whole desk, `definitions` checks before anything goes to a broker, and each service checks at start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contracts.names import is_name
from contracts.registry import OUTCOMES_OF_ALL, ROLES, MessageType
from contracts.services import OwnQueue, Service

WHERE = "contracts/services.py"


def faults(services: Iterable[Service], types: Iterable[MessageType]) -> list[str]:
    """What is wrong with these declarations: sentences that say where to correct it."""
    declared, known = list(services), list(types)
    names = [service.name for service in declared]
    found = [f"{WHERE} declares {name} twice." for name in sorted({name for name in names if names.count(name) > 1})]
    for service in declared:
        found += _of_service(service, [each for each in known if each.answered_by == service.name], known)
    for each in known:
        what = f"The {each.kind} {each.type} in contracts/registry.py"
        if each.answered_by is not None and each.answered_by not in names:
            found.append(f"{what} is answered by {each.answered_by}, and {WHERE} declares no such service.")
        found += [
            f"{what} is sent by {sender}, which is neither a service in {WHERE} nor one of {', '.join(ROLES)}."
            for sender in sorted(each.senders.difference(ROLES, names))
        ]
    return found


def coming_to(service: Service, types: Iterable[MessageType]) -> list[MessageType]:
    """All that its queues bring it of these types: what it answers, the events that it hears, and where it has a queue
    for replies, the outcomes that every service gives."""
    patterns = [pattern for queue in service.queues for pattern in queue.events]
    asks = any(queue.replies for queue in service.queues)
    return [
        each
        for each in types
        if each.answered_by == service.name
        or (each.kind == "event" and any(_fits(pattern, each.type) for pattern in patterns))
        or (asks and each.kind == "outcome" and each.type in OUTCOMES_OF_ALL)
    ]


def _of_service(service: Service, answers: list[MessageType], types: list[MessageType]) -> Iterator[str]:
    name = service.name
    if not (is_name(name) and name.isidentifier()):
        yield f"{WHERE} declares {name!r}: a service's name has small letters and digits, and begins with a letter."
    for queue in service.queues:
        yield from _of_queue(name, queue, answers, types)
    for each in answers:
        if each.kind == "question":
            takers = [queue.name for queue in service.queues if queue.questions]
            yield from _one_takes(name, each, takers, "questions=True")
            continue
        takers = [queue.name for queue in service.queues if each.type in queue.named]
        if takers:
            yield from _one_takes(name, each, takers, "")
            continue
        for inlet in each.inlets:
            takers = [queue.name for queue in service.queues if inlet in queue.commands]
            yield from _one_takes(name, each, takers, f'commands=("{inlet}",)')


def _of_queue(service: str, queue: OwnQueue, answers: list[MessageType], types: list[MessageType]) -> Iterator[str]:
    if not queue.name.startswith(f"{service}."):
        yield f"The queue {queue.name} of {service} in {WHERE} must be called {service}.<something>."
    if not (queue.commands or queue.named or queue.questions or queue.events or queue.replies or queue.unknown):
        yield f"Nothing comes into the queue {queue.name}: say in {WHERE} what it takes, or leave it out."
    commands = {each.type: each.inlets for each in answers if each.kind == "command"}
    for inlet in queue.commands:
        if not any(inlet in inlets for inlets in commands.values()):
            yield (
                f'The queue {queue.name} has commands=("{inlet}",), but {service} answers no command that comes there.'
            )
    for type_ in queue.named:
        if type_ not in commands:
            yield f"The queue {queue.name} names {type_}, which is no command that {service} answers."
    if queue.questions and not any(each.kind == "question" for each in answers):
        yield f"The queue {queue.name} has questions=True, but {service} answers no question."
    for pattern in queue.events:
        if not any(_fits(pattern, each.type) for each in types if each.kind == "event"):
            yield f"The queue {queue.name} hears {pattern}, but contracts/registry.py has no such event."


def _one_takes(service: str, each: MessageType, takers: list[str], cure: str) -> Iterator[str]:
    if not takers:
        yield f"No queue of {service} takes the {each.kind} {each.type}: give one {cure} in {WHERE}."
    if len(takers) > 1:
        yield f"The {each.kind} {each.type} would come to {service} several times, by {' and '.join(takers)}."


def _fits(key: str, event: str) -> bool:
    """Whether a binding key matches the event; a `#` at its end matches everything that follows."""
    return event.startswith(key.removesuffix("#")) if key.endswith(".#") else event == key
