"""Runs one service: `python -m services.chassis.run NAME`, by the name that contracts/services.py declares.

It reads and checks the settings, checks that broker and database are as the topology says, starts the nameko container,
and stops it cleanly on SIGTERM or SIGINT. If it cannot start, it says why in one sentence and ends with code 2.
"""

# ruff: noqa: E402 - green before anything else is imported
from __future__ import annotations

import os
import warnings

# Read while eventlet is imported. Eventlet's own resolver remembers for minutes what DNS said, also that a name did not
# exist: it would not find a broker that comes up after us, or at another address than before.
os.environ["EVENTLET_NO_GREENDNS"] = "yes"

# Eventlet says so at each import; docs/dependencies.md says why we use it all the same.
warnings.filterwarnings("ignore", message="\\s*Eventlet is deprecated")

import logging
import threading

import eventlet


def _make_green() -> None:
    """Let eventlet patch everything. Show its complaint about locks that it did not find, except for those that Python
    hides.

    Since 3.14 `threading` keeps its lock also as the default of an argument, where eventlet does not look. There the
    native lock is right: it is taken when a native thread ends, which could not wait for a green one, and nothing that
    runs under it lets another green thread run.
    """
    ending = getattr(threading, "_DeleteDummyThreadOnDel", None)
    defaults = getattr(getattr(ending, "__del__", None), "__defaults__", None) or ()
    hidden = sum(isinstance(default, type(threading.RLock())) for default in defaults)

    def is_ours(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(f"{hidden} RLock(s) were not greened")

    assert logging.lastResort is not None  # eventlet's logger has no other handler
    logging.lastResort.addFilter(is_ours)
    eventlet.monkey_patch()
    logging.lastResort.removeFilter(is_ours)


_make_green()

from services.chassis.threads import look_up_names_in_native_threads

look_up_names_in_native_threads()

import gc
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from eventlet.event import Event
from nameko.containers import ServiceContainer
from pymongo import IndexModel
from pymongo.errors import OperationFailure

from contracts import topology
from contracts.names import SERVICES
from services.chassis import telemetry
from services.chassis.amqp_connection import AWAY, close, connect
from services.chassis.database import DatabaseAway, DatabaseRefuses, open_database
from services.chassis.declared import WrongDeclaration, module_of
from services.chassis.health import Health
from services.chassis.settings import Settings, WrongSettings, read
from services.chassis.unit_of_work import Store
from services.chassis.watching import KEPT

log = logging.getLogger("casebus")

WORKERS = 100
"""Turns that may be in work at once: each lane of timers may have one that waits for its destination."""

COLLECTED_AFTER = 20_000, 20, 20
"""When Python looks for cycles in what was made since: a turn makes tens of thousands of values, and few cycles."""

Indexes: TypeAlias = Mapping[str, Sequence[IndexModel]]


def main(arguments: list[str]) -> int:
    """Run the service that `arguments` names until it is told to stop; returns the exit code."""
    name = next((service for service in SERVICES if arguments == [service]), None)
    if name is None:
        return _say(f"Name one service: {', '.join(SERVICES)}.")
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_, _leave)
    stop = Event()
    try:
        module = module_of(name)
        settings: Settings = read(module.SETTINGS)
        telemetry.log_as_json(name, settings.log_level)
        health = Health(settings.health_host, settings.health_port)
        database = open_database(settings.mongo, f"{settings.db_prefix}_{name}", name)
        store = Store(database, name)
        _wait_until_there(settings, name, store, module.INDEXES)
        config: dict[str, Any] = {"settings": settings, "database": database, "max_workers": WORKERS}
        container = ServiceContainer(module.Service, config)
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_, lambda *_: stop.ready() or stop.send())
        gc.freeze()  # what is here stays, and the collector need not look through it again
        gc.set_threshold(*COLLECTED_AFTER)
        container.start()  # from here on, stopping has to be clean
    except (WrongDeclaration, WrongSettings, _NotThere) as error:
        return _say(str(error))
    except DatabaseRefuses as error:
        return _say(f"The database of CASEBUS_MONGO refuses to work for the service: {error}.")
    except DatabaseAway as error:
        return _say(f"The database cannot be reached ({error}).")
    except AWAY as error:
        return _say(f"The broker cannot be used ({type(error).__name__}: {error}).")

    def problems() -> list[str]:
        found = [] if all(consumer.connected for consumer in config["consumers"]) else ["not consuming"]
        found += [problem] if (problem := config["turns"].problem()) is not None else []
        found += config["turns"].turn.watch.problems()
        found += [f"{kept} messages {KEPT}" for consumer in config["consumers"] if (kept := consumer.kept)]
        try:
            store.check()
        except DatabaseAway as error:
            found.append(f"database away ({error})")
        return found

    health.serve(problems)
    log.info("started", extra={"health_port": health.port})
    eventlet.spawn(_end_with, container, stop)
    stop.wait()
    log.info("stopping")
    container.stop()
    container.wait()
    log.info("stopped")
    return 0


def _leave(*_: object) -> None:
    """Told to stop before anything has begun (while it waits for its database, for example): nothing is left to
    finish."""
    os._exit(0)


class _NotThere(Exception):
    """The broker, the database or something in them does not exist (yet); the message is a sentence for the
    operator."""


def _wait_until_there(settings: Settings, name: str, store: Store, indexes: Indexes) -> None:
    """Return when `_check` finds everything; after `start_patience` seconds, raise its `_NotThere`."""
    deadline = time.monotonic() + settings.start_patience
    while True:
        try:
            return _check(settings.amqp, name, store, indexes)
        except _NotThere as error:
            if time.monotonic() >= deadline:
                raise
            log.warning("not started yet", extra={"why": str(error)})
            eventlet.sleep(1)


def _check(amqp: str, name: str, store: Store, indexes: Indexes) -> None:
    """Raise `_NotThere` unless broker and database are as the service needs them."""
    try:
        _check_broker(amqp, name)
        store.prepare(indexes)
        store.now()
    except DatabaseRefuses as error:
        raise _NotThere(f"The database of CASEBUS_MONGO refuses to work for the service: {error}.") from error
    except DatabaseAway as error:
        raise _NotThere(f"The database cannot be reached ({error}).") from error
    except OperationFailure as error:
        code = (error.details or {}).get("codeName")
        raise _NotThere(f"The database of CASEBUS_MONGO refuses to work for the service: {code}.") from error


def _end_with(container: ServiceContainer, stop: Event) -> None:
    """If a container dies of an error, end the process: its supervisor starts it again."""
    try:
        container.wait()
    except BaseException:  # whatever it is: the process would live on without its service
        log.critical("died", exc_info=True)
        os._exit(1)  # at once, as a crash: what is unacknowledged goes back to its queue
    if not stop.ready():
        stop.send()


def _check_broker(url: str, service: str) -> None:
    """Raise `_NotThere` unless the broker lets the service in and has the queues that it reads."""
    try:
        connection = connect(url, f"{service} check")
    except AWAY as error:
        raise _NotThere(f"The broker of CASEBUS_AMQP cannot be used ({type(error).__name__}: {error}).") from error
    try:
        if (user := unquote(urlsplit(url).username or "")) != service:
            raise _NotThere(f"CASEBUS_AMQP must have the service's own broker user, {service}, and not {user}.")
        for queue in topology.queues_of(service):
            connection.channel().queue_declare(queue, passive=True)
    except AWAY as error:
        raise _NotThere(
            f"A queue of the service is missing on the broker: apply the topology first ({error})."
        ) from error
    finally:
        close(connection)


def _say(sentence: str) -> int:
    sys.stderr.write(f"casebus: {sentence}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
