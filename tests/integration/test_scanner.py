"""Intake with a virus scanner that speaks ClamAV's protocol: quarantine until clean, also while the scanner is away."""

from __future__ import annotations

import base64
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo.database import Database

from contracts import payload
from contracts.envelope import Event
from contracts.tickets import Submit
from deploy.local.desk import Desk
from services.chassis.decision import Message
from services.chassis.operators_files import OperatorsFiles
from services.intake.credentials.codes import Codes
from services.intake.credentials.origins import Origins
from services.intake.credentials.secrets import Secrets
from services.intake.domain.attachments.attaching import HARMFUL
from services.intake.domain.attachments.downloads import NOT_LOOKED_AT
from services.intake.domain.attachments.scanning import ScanTimer
from services.intake.files.of_turns import FilesOfTurns
from services.intake.preparing import Preparing
from services.intake.repository import Repository
from tests.integration import test_intake
from tests.integration.racing import in_turn
from tests.integration.test_intake import ask
from tests.integration.test_uploads import HEAD, NOW, clients, database, keeping
from tests.unit.intake.desk import CATALOGUE, account, submission
from tests.unit.intake.files.test_scanner import EICAR, Clamd
from tests.waiting import wait

__all__ = ["clients", "database"]


@contextmanager
def scanner(port: int = 0) -> Iterator[int]:
    """A scanner that listens; returns its port."""
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Clamd) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def submitted(desk: Desk, id_: str, content: bytes) -> tuple[str, str]:
    """A ticket with that file: its number and the file's reference."""
    file = {"name": f"{id_}.txt", "media_type": "text/plain", "content": base64.b64encode(content).decode()}
    sent = submission(account(id_), attachments=[file])
    number = ask(desk, "web", id_, "ticket.submit", sent).data["ticket"]["number"]
    view = ask(desk, "web", f"v{id_}", "ticket.view", {"requester": account(id_), "number": number})
    return number, view.data["history"][0]["attachments"][0]["ref"]


def download(desk: Desk, who: str, number: str, ref: str) -> Event:
    data = {"requester": account(who), "number": number, "ref": ref}
    return ask(desk, "web", f"d{time.monotonic()}", "attachment.download", data)


def states(desk: Desk) -> dict[str, Any]:
    with test_intake.database(desk) as documents:
        return {record["owner"]: (record["state"], bool(record["blob"])) for record in documents("attachments")}


def test_files_are_in_quarantine_until_the_scanner_has_looked_at_them(desk: Desk) -> None:
    with scanner() as port:
        pass  # it is away at first, its port is known
    desk.settings_of["intake"] = {"CASEBUS_SCANNER": f"tcp://127.0.0.1:{port}"}
    desk.start("intake")
    clean, harmful = submitted(desk, "ann", b"It does not start."), submitted(desk, "bob", b"x" + EICAR)
    heard = download(desk, "ann", *clean)
    assert (heard.data["code"], heard.data["message"]) == ("wrong_status", NOT_LOOKED_AT)
    with scanner(port):
        wait(lambda: "quarantined" not in {state for state, _ in states(desk).values()}, "both are looked at")
    assert base64.b64decode(download(desk, "ann", *clean).data["content"]) == b"It does not start."
    assert download(desk, "bob", *harmful).data["message"] == HARMFUL
    history = ask(desk, "web", "v", "ticket.view", {"requester": account("bob"), "number": harmful[0]}).data["history"]
    assert [(entry["kind"], entry["author"]["kind"]) for entry in history] == [
        ("opened", "requester"),
        ("note_added", "service"),
    ]
    assert "bob.txt" in history[1]["text"]


def test_timers_that_are_prepared_meanwhile_leave_alone_what_a_turn_has_found(
    clients: object, database: Database[dict[str, Any]]
) -> None:
    files = FilesOfTurns(keeping(database), None, in_turn)
    preparing = Preparing(database, Secrets("k" * 32, in_turn), Codes("k" * 32), files, Origins("k" * 32))
    repository = Repository(database, lambda: OperatorsFiles(CATALOGUE), 0.27)
    attached = [{"name": "a", "media_type": "application/pdf", "content": base64.b64encode(HEAD).decode()}]
    data = payload.read(Submit, submission(attachments=attached)).data
    message = Message("m", "ticket.submit", "web", data, None, "k1")
    found, _ = preparing.prepare([message], NOW)
    timer = ScanTimer(due=NOW, number="00000001", name="a", tries=0)
    preparing.prepare([Message("t", "timer.file_scan", "intake", timer, "no such file", "t")], NOW)
    preparing.prepare([], NOW)  # the lease of such a timer ran out
    assert len(repository.load([message], NOW, found).prepared.brought["k1"]) == 1
