"""Whether a service is what contracts/services.py declares, and decides all that comes to it.

The page is docs/adding-a-service.md.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Protocol

from contracts import topology
from contracts.checking import WHERE, coming_to, faults
from contracts.registry import TYPES, MessageType
from contracts.services import DECLARED
from contracts.values import dataclass
from services.chassis.decision import timers_of
from services.chassis.entrypoint import readers


class HasData(Protocol):
    """The part of a line of a service's table that these checks read."""

    @property
    def data(self) -> type[Any]:
        """What the message's data is, once read."""


class WrongDeclaration(Exception):
    """A service and its declaration do not fit together; the message is a sentence that says where."""


def module_of(name: str) -> ModuleType:
    """The module `services.<name>.service`, once it is checked.

    Raises `WrongDeclaration` if the module does not exist, if a declaration has a fault, if its class `Service` has
    another name, does not read exactly the queues that are declared for it, each once, or takes at once what no queue
    brings, or if its table `TAKEN` does not have exactly the types that these queues bring and the timers that the
    service's modules declare.
    """
    try:
        module = importlib.import_module(f"services.{name}.service")
    except ModuleNotFoundError as error:
        if error.name not in (f"services.{name}", f"services.{name}.service"):
            raise
        raise WrongDeclaration(f"{WHERE} declares {name}, and there is no services/{name}/service.py.") from error
    wrong = [*faults(DECLARED, TYPES.values()), *differences(name, module.Service)]
    if wrong := [*wrong, *undecided(name, getattr(module, "TAKEN", {}))]:
        raise WrongDeclaration(wrong[0])
    return module


def differences(name: str, service: type) -> list[str]:
    """Where `service`, the class of the service `name`, is not as declared: sentences."""
    file = f"services/{name}/service.py"
    declared = topology.queues_of(name)
    read = [queue for reader in readers(service) for queue in reader.queues]
    at_once = [type_ for reader in readers(service) for type_ in reader.at_once]
    called = getattr(service, "name", None)
    found = [] if called == name else [f"The service in {file} calls itself {called!r}, not {name!r}."]
    found += [f"No method in {file} reads {queue}, which {WHERE} declares." for queue in declared if queue not in read]
    found += [
        f"{file} reads {queue}, which {WHERE} does not declare for it." for queue in read if queue not in declared
    ]
    twice = sorted({queue for queue in read if read.count(queue) > 1})
    found += [f"Two methods in {file} read {queue}." for queue in twice]
    types = {each.type for each in _coming(name)}
    return found + [
        f"{file} takes {type_} at once, and no queue in {WHERE} brings it to {name}."
        for type_ in at_once
        if type_ not in types
    ]


@dataclass(frozen=True, slots=True)
class Comes:
    """What comes to a service: its type, the class of its data, who says that, and why it comes."""

    type_: str
    data: type[Any]
    by: str
    why: str


def undecided(name: str, taken: Mapping[str, HasData]) -> list[str]:
    """Where `taken`, the table `TAKEN` of the service `name`, does not match what its queues bring and its timers:
    sentences."""
    table = f"The table TAKEN of {name}"
    timers = list(timers_of(name))
    if nameless := [timer for timer in timers if "kind" not in vars(timer)]:
        return [f"{timer.__module__}.{timer.__name__} does not say its kind of timer." for timer in nameless]
    comes = [
        Comes(each.type, each.data, "contracts/registry.py", f"the {each.kind} comes to {name} by {WHERE}")
        for each in _coming(name)
    ]
    comes += [
        Comes(timer.type_(), timer, timer.__module__, f"{timer.__module__} declares it as {timer.__name__}")
        for timer in timers
    ]
    types = {each.type_ for each in comes}
    found = [f"{table} has no {each.type_}: {each.why}." for each in comes if each.type_ not in taken]
    found += [
        f"{table} has {type_}, and no queue in {WHERE} and no timer of {name} brings it."
        for type_ in taken
        if type_ not in types
    ]
    found += [
        f"{table} takes {each.type_} for a {taken[each.type_].data.__name__}, and {each.by} for a {each.data.__name__}."
        for each in comes
        if each.type_ in taken and not issubclass(each.data, taken[each.type_].data)
    ]
    kinds = [timer.kind for timer in timers]
    return found + [f"{name} has two timers of the kind {kind}." for kind in sorted({*kinds}) if kinds.count(kind) > 1]


def _coming(name: str) -> list[MessageType]:
    (declared,) = (service for service in DECLARED if service.name == name)
    return coming_to(declared, TYPES.values())
