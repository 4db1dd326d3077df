"""Whether a service is what contracts/services.py declares. The page is docs/adding-a-service.md."""

from __future__ import annotations

import importlib
from types import ModuleType

from contracts import topology
from contracts.checking import WHERE, faults
from contracts.registry import TYPES
from contracts.services import DECLARED
from services.chassis.entrypoint import queues_read


class WrongDeclaration(Exception):
    """A service and its declaration do not fit together; the message is a sentence that says where."""


def module_of(name: str) -> ModuleType:
    """The module `services.<name>.service`, once it is checked.

    Raises `WrongDeclaration` if the module does not exist, if a declaration has a fault, or if its class `Service` has
    another name or does not read exactly the queues that are declared for it, each once.
    """
    try:
        module = importlib.import_module(f"services.{name}.service")
    except ModuleNotFoundError as error:
        if error.name not in (f"services.{name}", f"services.{name}.service"):
            raise
        raise WrongDeclaration(f"{WHERE} declares {name}, and there is no services/{name}/service.py.") from error
    if wrong := [*faults(DECLARED, TYPES.values()), *differences(name, module.Service)]:
        raise WrongDeclaration(wrong[0])
    return module


def differences(name: str, service: type) -> list[str]:
    """Where `service`, the class of the service `name`, is not as declared: sentences."""
    file = f"services/{name}/service.py"
    declared, read = topology.queues_of(name), queues_read(service)
    called = getattr(service, "name", None)
    found = [] if called == name else [f"The service in {file} calls itself {called!r}, not {name!r}."]
    found += [f"No method in {file} reads {queue}, which {WHERE} declares." for queue in declared if queue not in read]
    found += [
        f"{file} reads {queue}, which {WHERE} does not declare for it." for queue in read if queue not in declared
    ]
    twice = sorted({queue for queue in read if read.count(queue) > 1})
    return found + [f"Two methods in {file} read {queue}." for queue in twice]
