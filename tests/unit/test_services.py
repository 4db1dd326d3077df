"""Services as they are declared: a wrong declaration is found, and named in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import pytest

from contracts import topology
from contracts.agents import SignOff
from contracts.checking import faults
from contracts.names import SERVICES
from contracts.registry import TYPES, Kind, MessageType
from contracts.services import DECLARED, OwnQueue, Service
from deploy.local.processes import CODE
from services.chassis import declared
from services.chassis.decision import Decision, Taken, Timer
from services.chassis.declared import WrongDeclaration, differences, module_of, undecided
from services.chassis.entrypoint import due_timers, messages, questions_in
from services.chassis.reading import Delivery
from services.chassis.turn import Decided
from services.chassis.unit_of_work import DueTimer

COMMANDS = OwnQueue("greeter.commands", commands=("channels", "desk"))
QUESTIONS = OwnQueue("greeter.questions", questions=True)
EVENTS = OwnQueue("greeter.events", events=("ticket.#", "greeter.greeted"))


def type_of(kind: Kind, name: str, *senders: str, by: str | None = None) -> MessageType:
    return MessageType(kind, name, SignOff, frozenset(senders), by)


KNOWN = (
    type_of("command", "greeter.greet", "channel", "agent", by="greeter"),
    type_of("question", "greeter.count", "channel", by="greeter"),
    type_of("event", "greeter.greeted", "greeter"),
    type_of("event", "ticket.opened", "operator"),
)


def found(*queues: OwnQueue, types: tuple[MessageType, ...] = KNOWN, name: str = "greeter") -> list[str]:
    return faults([Service(name, queues)], types)


def test_a_sound_declaration_has_no_faults() -> None:
    assert found(COMMANDS, QUESTIONS, EVENTS, OwnQueue("greeter.outcomes", replies=True)) == []
    named = OwnQueue("greeter.first", named=("greeter.greet",))
    assert found(named, QUESTIONS) == []
    assert found(types=()) == [], "a service may have no queue"


def test_the_desk_is_sound() -> None:
    assert faults(DECLARED, TYPES.values()) == []


@pytest.mark.parametrize(
    ("queues", "sentence"),
    [
        (
            [COMMANDS, QUESTIONS, OwnQueue("greeter.news")],
            "Nothing comes into the queue greeter.news: say in contracts/services.py what it takes, or leave it out.",
        ),
        (
            [OwnQueue("greeter.commands", commands=("channels",)), QUESTIONS],
            "No queue of greeter takes the command greeter.greet:"
            ' give one commands=("desk",) in contracts/services.py.',
        ),
        (
            [COMMANDS],
            "No queue of greeter takes the question greeter.count: give one questions=True in contracts/services.py.",
        ),
        (
            [COMMANDS, OwnQueue("greeter.more", commands=("desk",)), QUESTIONS],
            "The command greeter.greet would come to greeter several times, by greeter.commands and greeter.more.",
        ),
        (
            [COMMANDS, QUESTIONS, OwnQueue("greeter.some", named=("greeter.wave",))],
            "The queue greeter.some names greeter.wave, which is no command that greeter answers.",
        ),
        (
            [COMMANDS, QUESTIONS, OwnQueue("greeter.events", events=("tickt.#",))],
            "The queue greeter.events hears tickt.#, but contracts/registry.py has no such event.",
        ),
        (
            [COMMANDS, QUESTIONS, OwnQueue("greeter.events", events=("ticket.opend",))],
            "The queue greeter.events hears ticket.opend, but contracts/registry.py has no such event.",
        ),
        (
            [COMMANDS, QUESTIONS, OwnQueue("greter.events", events=("ticket.#",))],
            "The queue greter.events of greeter in contracts/services.py must be called greeter.<something>.",
        ),
    ],
)
def test_a_queue_that_is_declared_wrongly_is_named(queues: list[OwnQueue], sentence: str) -> None:
    assert found(*queues) == [sentence]


def test_a_queue_for_what_the_service_does_not_answer_is_named() -> None:
    assert found(COMMANDS, QUESTIONS, types=()) == [
        'The queue greeter.commands has commands=("channels",), but greeter answers no command that comes there.',
        'The queue greeter.commands has commands=("desk",), but greeter answers no command that comes there.',
        "The queue greeter.questions has questions=True, but greeter answers no question.",
    ]


def test_a_type_that_nobody_answers_or_sends_is_named() -> None:
    lost = type_of("command", "greeter.wave", "channel", by="greter")
    unsaid = type_of("event", "greeter.waved", "greter")
    assert found(COMMANDS, QUESTIONS, types=(*KNOWN, lost, unsaid)) == [
        "The command greeter.wave in contracts/registry.py is answered by greter,"
        " and contracts/services.py declares no such service.",
        "The event greeter.waved in contracts/registry.py is sent by greter,"
        " which is neither a service in contracts/services.py nor one of channel, agent, operator.",
    ]


def test_nothing_goes_to_a_broker_while_a_declaration_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "DECLARED", (Service("greeter", (OwnQueue("greeter.news"),)),))
    with pytest.raises(ValueError, match=r"Nothing comes into the queue greeter\.news: say in contracts/services\.py"):
        topology.definitions("/", {})


@pytest.mark.parametrize("name", ["Greeter", "live-chat", "1st", "gre.eter", ""])
def test_a_name_that_no_service_can_have_is_refused(name: str) -> None:
    assert found(name=name, types=()) == [
        f"contracts/services.py declares {name!r}: a service's name has small letters and digits, and begins with a"
        " letter."
    ]


def test_a_service_that_is_declared_twice_is_named() -> None:
    assert faults([*DECLARED, DECLARED[0]], TYPES.values()) == ["contracts/services.py declares intake twice."]


def test_the_folders_of_services_are_those_that_are_declared() -> None:
    folders = {file.parent.name for file in (CODE / "services").glob("*/__init__.py")}
    assert folders == {*SERVICES, "chassis", "client", "meaning", "web"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_what_is_declared_for_it(service: str) -> None:
    module = module_of(service)
    assert module.INDEXES is import_module(f"services.{service}.repository").INDEXES
    assert module.SETTINGS is import_module(f"services.{service}.settings").SETTINGS


class Sla:
    """As it should be."""

    name = "sla"

    @messages("sla.events")
    def hear(self, deliveries: list[Delivery]) -> Decided:
        """Its one queue."""
        return Decided(deliveries)

    @due_timers()
    def fire(self, timers: list[DueTimer]) -> None:
        """No queue."""


class Nameless(Sla):
    """It has another name; what it inherits, it reads."""

    name = "slo"


class Greedy:
    """It reads one queue twice, and another's."""

    name = "sla"

    @messages("sla.events", "routing.events", at_once=("ticket.opened", "ticket.opend"))
    def hear(self, deliveries: list[Delivery]) -> Decided:
        """One too many."""
        return Decided(deliveries)

    @questions_in("sla.events")
    def answer(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Again."""
        return deliveries


@pytest.mark.parametrize(
    ("service", "sentences"),
    [
        (Sla, []),
        (Nameless, ["The service in services/sla/service.py calls itself 'slo', not 'sla'."]),
        (
            Greedy,
            [
                "services/sla/service.py reads routing.events, which contracts/services.py does not declare for it.",
                "Two methods in services/sla/service.py read sla.events.",
                "services/sla/service.py takes ticket.opend at once,"
                " and no queue in contracts/services.py brings it to sla.",
            ],
        ),
        (
            type("Deaf", (), {"name": "sla"}),
            ["No method in services/sla/service.py reads sla.events, which contracts/services.py declares."],
        ),
    ],
)
def test_a_service_that_reads_something_else_is_told(service: type, sentences: list[str]) -> None:
    assert differences("sla", service) == sentences


@pytest.mark.parametrize("service", SERVICES)
def test_each_line_of_a_services_table_is_missed(service: str) -> None:
    taken = module_of(service).TAKEN
    assert undecided(service, taken) == []
    for type_ in taken:
        missing = undecided(service, {other: line for other, line in taken.items() if other != type_})
        assert missing, type_
        assert all(f"has no {type_}: " in sentence for sentence in missing)


@pytest.mark.parametrize(
    ("type_", "why"),
    [
        ("agent.pause", "the command comes to routing by contracts/services.py"),
        ("timer.away", "services.routing.domain.presence declares it as AwayTimer"),
    ],
)
def test_a_type_without_a_line_keeps_its_service_from_starting(
    monkeypatch: pytest.MonkeyPatch, type_: str, why: str
) -> None:
    module = module_of("routing")
    monkeypatch.setattr(module, "TAKEN", {other: line for other, line in module.TAKEN.items() if other != type_})
    with pytest.raises(WrongDeclaration) as told:
        module_of("routing")
    assert str(told.value) == f"The table TAKEN of routing has no {type_}: {why}."


class TeaTimer(Timer):
    """Of a service that is declared in the tests below."""

    __module__ = "services.brewer.kitchen"
    kind = "tea"


class CoffeeTimer(TeaTimer):
    """Another of it."""

    __module__ = "services.brewer.domain.bar"
    kind = "coffee"


class RollTimer(Timer):
    """Of another, which does not say its kind."""

    __module__ = "services.baker.oven"


class MateTimer(Timer):
    """Of a service whose name begins alike."""

    __module__ = "services.brewers.kitchen"
    kind = "tea"


def takes(timer: type[Timer]) -> Taken[object, Timer]:
    return Taken(timer, lambda _view, _message, _now: Decision())


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        ({"timer.tea": takes(TeaTimer), "timer.coffee": takes(Timer)}, []),
        (
            {"timer.tea": takes(TeaTimer)},
            ["The table TAKEN of brewer has no timer.coffee:"
             " services.brewer.domain.bar declares it as CoffeeTimer."],
        ),
        (
            {"timer.tea": takes(CoffeeTimer), "timer.coffee": takes(CoffeeTimer), "timer.milk": takes(Timer)},
            [
                "The table TAKEN of brewer has timer.milk, and no queue in contracts/services.py and no timer"
                " of brewer brings it.",
                "The table TAKEN of brewer takes timer.tea for a CoffeeTimer, and services.brewer.kitchen for"
                " a TeaTimer.",
            ],
        ),
    ],
)  # fmt: skip
def test_each_timer_that_a_service_can_arm_has_a_line(
    monkeypatch: pytest.MonkeyPatch, taken: Mapping[str, Taken[object, Timer]], said: list[str]
) -> None:
    """An `Arm` takes nothing but a `Timer`, so none is forgotten, whatever module declares it."""
    monkeypatch.setattr(declared, "DECLARED", (Service("brewer", ()),))
    assert undecided("brewer", taken) == said


def test_a_timer_without_a_kind_is_told() -> None:
    assert undecided("baker", {}) == ["services.baker.oven.RollTimer does not say its kind of timer."]


def test_two_timers_of_one_kind_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declared, "DECLARED", (Service("brewer", ()),))
    monkeypatch.setattr(CoffeeTimer, "kind", "tea")
    assert undecided("brewer", {"timer.tea": takes(Timer)}) == ["brewer has two timers of the kind tea."]


def test_a_line_that_nothing_comes_for_or_that_is_of_other_data_is_told() -> None:
    line = Taken[object, SignOff](SignOff, lambda _view, _message, _now: Decision())
    assert undecided("sla", {**module_of("sla").TAKEN, "agent.sign_off": line, "ticket.opened": line}) == [
        "The table TAKEN of sla has agent.sign_off, and no queue in contracts/services.py and no timer of sla"
        " brings it.",
        "The table TAKEN of sla takes ticket.opened for a SignOff, and contracts/registry.py for a TicketEvent.",
    ]


def test_a_service_without_code_is_told() -> None:
    with pytest.raises(WrongDeclaration, match=r"declares nobody, and there is no services/nobody/service\.py\."):
        module_of("nobody")
