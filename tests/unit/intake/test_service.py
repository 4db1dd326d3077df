"""The secret of a temporary account stands in its answer alone."""

from __future__ import annotations

import orjson

from services.chassis.outgoing import Outgoing
from services.intake.secrets import Secrets
from services.intake.service import with_secret

BODY = orjson.dumps({"type": "account.temporary_opened", "data": {"account_id": "a"}})
SECRETS = Secrets("k" * 32, lambda function, items: [function(item) for item in items])


def test_the_answer_gets_the_secret_of_its_command() -> None:
    answer = Outgoing(
        "helpdesk.channels",
        "web.account.temporary_opened",
        "1",
        "account.temporary_opened",
        BODY,
        to_sender="web",
        cause="m1",
    )
    revealed = orjson.loads(with_secret(SECRETS)(answer).body)
    assert revealed["data"] == {"account_id": "a", "secret": SECRETS.secret("web", "m1")}


def test_the_event_and_every_other_message_go_out_as_they_are() -> None:
    event = Outgoing("helpdesk.events", "account.temporary_opened", "1", "account.temporary_opened", BODY, cause="m1")
    other = Outgoing("helpdesk.channels", "web.ticket.opened", "2", "ticket.opened", BODY, to_sender="web", cause="m1")
    reveal = with_secret(SECRETS)
    assert reveal(event) is event
    assert reveal(other) is other
