"""Whatever passes its schema, intake can find what it is about: no command stops the turn that it comes in."""

from __future__ import annotations

from random import Random
from typing import Any

from pymongo.database import Database

from contracts import registry
from services.chassis.decision import Message
from services.chassis.operators_files import OperatorsFiles
from services.intake.credentials.codes import Codes
from services.intake.credentials.origins import Origins
from services.intake.credentials.secrets import Secrets
from services.intake.domain.decide import decide
from services.intake.files.of_turns import FilesOfTurns
from services.intake.preparing import Preparing
from services.intake.repository import Repository
from tests import odd_input
from tests.integration.racing import in_turn
from tests.integration.test_files import database
from tests.integration.test_uploads import NOW, keeping
from tests.unit.intake.desk import CATALOGUE
from tests.unit.test_decide_fuzz import KNOWN, SENDERS

__all__ = ["database"]

ANSWERED = [kind for kind in registry.TYPES.values() if kind.answered_by == "intake"]
ROUNDS = 30


def test_no_command_stops_its_turn_whatever_of_it_is_left_out(database: Database[dict[str, Any]]) -> None:
    files = FilesOfTurns(keeping(database), None, in_turn)
    preparing = Preparing(database, Secrets("k" * 32, in_turn), Codes("k" * 32), files, Origins("k" * 32))
    repository = Repository(database, lambda: OperatorsFiles(CATALOGUE), 0.27)
    dice = Random(7)
    decided = set()
    for place in range(ROUNDS):
        turn = []
        for kind in ANSWERED:
            sender = dice.choice(
                [user for user in (*SENDERS, "routing", "sla", "operator") if kind.may_be_sent_by(user)]
            )
            data = kind.schema.load(odd_input.data(dice, kind.schema, {**KNOWN, "agent_id": [sender[6:]]}))
            id_ = f"{kind.type}{place}"
            turn.append(Message(id_, kind.type, sender, data, dice.choice((None, "10000001")), f"{sender}\x1f{id_}"))
        for _ in range(2):  # what is put off comes again: an erasure waits for what joins accounts
            found, put_off = preparing.prepare(turn, NOW)
            here = [message for message in turn if message.key not in put_off]
            state = repository.load(here, NOW, found)
            for message in here:
                for change in decide(state, message, NOW).changes:
                    state.apply(change)
                decided.add(message.type)
            turn = [message for message in turn if message.key in put_off]
    assert decided == {kind.type for kind in ANSWERED}
