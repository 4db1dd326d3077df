"""Only the answer has a temporary account's secret; a wrong setting is named."""

from __future__ import annotations

import orjson
import pytest

from services.chassis.outgoing import Outgoing
from services.chassis.settings import WrongSettings, read
from services.intake.credentials.codes import Codes
from services.intake.credentials.secrets import Secrets
from services.intake.domain.issues.similarity import SIMILAR_FROM
from services.intake.service import with_secrets
from services.intake.settings import IntakeSettings
from tests.unit.intake.desk import Desk

BODY = orjson.dumps({"type": "account.temporary_opened", "data": {"account_id": "a"}})
CODES = Codes("k" * 32)
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
    revealed = orjson.loads(with_secrets(SECRETS, CODES)(answer).body)
    assert revealed["data"] == {"account_id": "a", "secret": SECRETS.secret("web", "m1")}


def test_the_event_and_every_other_message_go_out_as_they_are() -> None:
    event = Outgoing("helpdesk.events", "account.temporary_opened", "1", "account.temporary_opened", BODY, cause="m1")
    other = Outgoing("helpdesk.channels", "web.ticket.opened", "2", "ticket.opened", BODY, to_sender="web", cause="m1")
    reveal = with_secrets(SECRETS, CODES)
    assert reveal(event) is event
    assert reveal(other) is other


def test_the_code_joins_the_event_of_its_address_as_that_is_published() -> None:
    data = {"account_id": "z", "kind": "temporary", "email": "z@example.org", "contact_version": 2, "code": "-"}
    type_ = "account.contact_changed"
    event = Outgoing("helpdesk.events", type_, "1", type_, orjson.dumps({"type": type_, "data": data}), cause="m1")
    reveal = with_secrets(SECRETS, CODES)
    assert orjson.loads(reveal(event).body)["data"] == {**data, "code": CODES.code("temporary:z", 2)}
    del data["code"]
    without = Outgoing("helpdesk.events", type_, "1", type_, orjson.dumps({"type": type_, "data": data}), cause="m1")
    assert reveal(without) is without


@pytest.mark.parametrize("wrong", ["0", "-0.1", "1.01", "often", "nan"])
def test_the_score_from_which_a_requester_is_asked_is_a_share(wrong: str) -> None:
    given = {"CASEBUS_AMQP": "amqp://u:p@b", "CASEBUS_MONGO": "mongodb://d", "CASEBUS_SECRET_KEY": "k" * 32}
    given["CASEBUS_ATTACHMENT_KEYS"] = "first " + "A" * 43 + "="
    assert read(IntakeSettings, given).similar_from == SIMILAR_FROM
    assert read(IntakeSettings, given | {"CASEBUS_SIMILAR_FROM": "0.1"}).similar_from == 0.1
    with pytest.raises(WrongSettings, match="CASEBUS_SIMILAR_FROM must be"):
        read(IntakeSettings, given | {"CASEBUS_SIMILAR_FROM": wrong})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("SCANNER", "clamd"),
        ("ATTACHMENT_TYPES", "png jpeg"),
        ("ATTACHMENT_MIB", "0"),
        ("ATTACHMENT_MIB", "251"),
        ("ATTACHMENT_MIB", "nan"),
    ],
)
def test_wrong_settings_of_files_are_said_so(name: str, wrong: str) -> None:
    given = {"CASEBUS_AMQP": "amqp://u:p@b", "CASEBUS_MONGO": "mongodb://d", "CASEBUS_SECRET_KEY": "k" * 32}
    given["CASEBUS_ATTACHMENT_KEYS"] = "first " + "A" * 43 + "="
    assert "image/png" in read(IntakeSettings, given).media_types
    narrow = given | {"CASEBUS_ATTACHMENT_TYPES": "Image/PNG  text/plain", "CASEBUS_SCANNER": "tcp://clamd:3310"}
    assert read(IntakeSettings, narrow).media_types == {"image/png", "text/plain"}
    with pytest.raises(WrongSettings, match=f"CASEBUS_{name}"):
        read(IntakeSettings, given | {f"CASEBUS_{name}": wrong})


def test_the_setting_reaches_the_rule() -> None:
    desk = Desk()
    desk.opened()
    desk.state.similar_from = 1.0
    assert desk.submit(subject="The card never arrives").type == "ticket.opened"
