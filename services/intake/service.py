"""The intake service: hears commands of channels, agents and services, and news; every rule is in domain/.

The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from pymongo.database import Database

from services.chassis.chores import Chore
from services.chassis.decision import Message
from services.chassis.entrypoint import Asked, Turns, due_timers, messages, questions_in
from services.chassis.operators_files import read_operators_files
from services.chassis.outgoing import Outgoing
from services.chassis.questions import Questions
from services.chassis.reading import Delivery
from services.chassis.reloading import looking
from services.chassis.rules import Preparation, Rules
from services.chassis.settings import WrongSettings
from services.chassis.threads import in_green_threads, in_native_threads
from services.chassis.turn import Decided, Turn
from services.chassis.unit_of_work import DueTimer, Store
from services.intake.credentials.codes import Codes
from services.intake.credentials.origins import Origins
from services.intake.credentials.secrets import Secrets
from services.intake.domain.accounts.temporary import OPENED
from services.intake.domain.attachments.rotating import LANE as ROTATION
from services.intake.domain.attachments.scanning import LANE
from services.intake.domain.decide import decide
from services.intake.domain.privacy.erasing import LANE as ERASURE
from services.intake.domain.privacy.exporting import LANE as EXPORT
from services.intake.domain.state import View
from services.intake.domain.taken import TAKEN
from services.intake.domain.values.account import CONTACT_CHANGED
from services.intake.domain.values.limits import Limits
from services.intake.files.keeping import FileTerms, Keeping
from services.intake.files.keys import MasterKeys, WrongKeys
from services.intake.files.of_turns import FilesOfTurns
from services.intake.files.scanner import Scanner
from services.intake.files.sweeping import sweep
from services.intake.preparing import Preparing, needs_preparing
from services.intake.repository import INDEXES, Repository
from services.intake.settings import SETTINGS, IntakeSettings

__all__ = ["INDEXES", "SETTINGS", "TAKEN", "Service", "rules"]


MIB = 1024 * 1024
TIDIED_EVERY = 60.0


def rules(settings: IntakeSettings, database: Database[dict[str, Any]]) -> Rules[View]:
    """Intake's own turn. Raises `WrongSettings` for an operator's file or a key file that cannot be used."""
    operators = read_operators_files(settings)
    try:
        keys = MasterKeys.parse(settings.attachment_keys)
    except WrongKeys as error:
        raise WrongSettings(f"CASEBUS_ATTACHMENT_KEYS cannot be used: {error}") from error
    secrets = Secrets(settings.secret_key, in_native_threads)
    scanner = Scanner.at(settings.scanner) if settings.scanner else None
    terms = FileTerms(int(settings.attachment_mib * MIB), settings.media_types, scanned=scanner is not None)
    keeping = Keeping(database, keys, settings.secret_key, terms)
    lasts = timedelta(days=settings.temporary_days)
    codes = Codes(settings.secret_key)
    files = FilesOfTurns(keeping, scanner, in_green_threads)
    repeat = timedelta(hours=settings.repeated_hours)
    minutes = timedelta(minutes=settings.burst_minutes)
    limits = Limits(settings.ticket_messages, settings.requester_messages, repeat, settings.burst_accounts, minutes)

    clock = Store(database, "intake", timedelta(seconds=settings.clock_ahead))

    def tidy() -> None:
        sweep(keeping, clock.now())

    preparing = Preparing(database, secrets, codes, files, Origins(settings.secret_key))
    repository = Repository(database, operators, settings.similar_from, lasts, limits, keys.current)

    def prepare(messages: Sequence[Message[Any]], now: datetime) -> Preparation[View]:
        found, put_off = preparing.prepare(messages, now)
        return Preparation(partial(repository.load, prepared=found), put_off)

    return Rules(
        repository,
        decide,
        prepare=prepare,
        needs_preparing=needs_preparing,
        reveal=with_secrets(secrets, codes),
        chores=[looking(operators), Chore("files that nobody came to name", TIDIED_EVERY, tidy)],
    )


def with_secrets(secrets: Secrets, codes: Codes) -> Callable[[Outgoing], Outgoing]:
    """Adds what is stored nowhere, when a message is published.

    The answer that opens a temporary account gets its secret (the event of the same type goes to everybody and gets
    none); the event of a new address gets the code that confirms it.
    """

    def reveal(message: Outgoing) -> Outgoing:
        if message.type == CONTACT_CHANGED:
            event = orjson.loads(message.body)
            data = event["data"]
            if "code" not in data:
                return message
            data["code"] = codes.code(f"{data['kind']}:{data['account_id']}", data["contact_version"])
            return replace(message, body=orjson.dumps(event))
        if message.type != OPENED or message.to_sender is None or message.cause is None:
            return message
        event = orjson.loads(message.body)
        event["data"]["secret"] = secrets.secret(message.to_sender, message.cause)
        return replace(message, body=orjson.dumps(event))

    return reveal


class Service:
    """The one door by which people and the desk change tickets."""

    name = "intake"

    turn: Turn[View] = Turns(rules)
    questions: Questions[View] = Asked()

    @messages("intake.assignments", "intake.desk", "intake.commands", "intake.unknown")
    def take(self, deliveries: list[Delivery]) -> Decided:
        """Routing's assignments, commands of agents, services and channels, and messages of unknown types. Each turn
        takes what waits, some from each queue."""
        return self.turn.decide(deliveries)

    @questions_in("intake.questions")
    def answer(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Views, for people who wait for them."""
        return self.questions.run(deliveries)

    @messages("intake.events", pause=0.5, at_once=("agent.signed_on", "agent.signed_off"))
    def hear(self, deliveries: list[Delivery]) -> Decided:
        """News of sla, routing and knowledge. sla sends some for each ticket, and nobody waits for it, so a turn takes
        many at a time."""
        return self.turn.decide(deliveries)

    @due_timers(lanes=lambda settings: [ERASURE, EXPORT, ROTATION, *([LANE] if settings.scanner else [])])
    def fire(self, timers: list[DueTimer]) -> None:
        """Timers: files for the scanner, erasures, exports, a rotation of master keys, temporary accounts that may
        end."""
        self.turn.run(timers=timers)
