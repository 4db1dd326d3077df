"""What agents send and ask for beside their answers: their own files, and which tickets they have."""

from __future__ import annotations

import base64
from typing import Any

from pymongo import MongoClient

from deploy.local.desk import Desk
from tests.integration.test_attachments import PDF, attachment
from tests.integration.test_intake import ask
from tests.unit.intake.desk import account, submission

AGENT = "agent.a1"


def given(desk: Desk, who: str) -> str:
    """A ticket that agent a1 has."""
    number: str = ask(desk, "web", who, "ticket.submit", submission(account(who))).data["ticket"]["number"]
    assigned = {"agent": {"id": "a1", "display_name": "A1"}, "assignment_seq": 0, "reason": "least loaded"}
    ask(desk, "routing", f"r{who}", "ticket.assign", {"number": number, **assigned})
    return number


def test_an_agents_files_go_in_and_come_out_and_internal_ones_stay_at_the_desk(desk: Desk) -> None:
    desk.start("intake")
    number = given(desk, "ann")
    mine = {"agent_id": "a1", "number": number}
    part = {"upload": "u1", "name": "guide.pdf", "media_type": "application/octet-stream", "parts": 2}
    pieces = [PDF[:20], PDF[20:]]
    for place, piece in enumerate(pieces, 1):
        content = base64.b64encode(piece).decode()
        stored = ask(desk, AGENT, f"u{place}", "attachment.upload", {**mine, **part, "part": place, "content": content})
    assert stored.type == "attachment.stored"
    assert stored.data["attachment"]["media_type"] == "application/pdf"
    note = {**mine, "body": "For us.", "attachments": [attachment(b"%PDF-1.7 for us alone", name="inside.pdf")]}
    assert "left_out" not in ask(desk, AGENT, "n", "ticket.add_note", note).data
    answer = {**mine, "body": "Read this.", "attachments": [stored.data["attachment"]]}
    assert "left_out" not in ask(desk, AGENT, "s", "ticket.suggest_solution", answer).data
    viewed = ask(desk, AGENT, "v", "ticket.view", mine).data["history"]
    internal, public = [entry["attachments"][0]["ref"] for entry in viewed if entry["attachments"]]
    asked = {"requester": account("ann"), "number": number}
    first = ask(desk, "web", "d1", "attachment.download", {**asked, "ref": public}).data
    assert (base64.b64decode(first["content"]), first["parts"]) == (pieces[0], 2)
    assert ask(desk, "web", "d2", "attachment.download", {**asked, "ref": internal}).data["code"] == "invalid"
    assert ask(desk, AGENT, "d3", "attachment.download", {**mine, "ref": internal}).type == "attachment.content"


def test_an_agent_who_starts_again_learns_which_tickets_they_have_by_an_index(desk: Desk) -> None:
    desk.start("intake")
    numbers = [given(desk, f"p{place}") for place in range(22)]
    ask(desk, AGENT, "c", "ticket.close", {"agent_id": "a1", "number": numbers[0], "reason": "done"})
    ask(desk, AGENT, "w", "ticket.start_work", {"agent_id": "a1", "number": numbers[1]})
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        of_intake = client[f"{desk.db_prefix}_intake"]
        of_intake.command("profile", 2)

        def listed(id_: str, **more: Any) -> tuple[list[str], int]:
            data = ask(desk, AGENT, id_, "ticket.list", {"agent_id": "a1", **more}).data
            return [ticket["number"] for ticket in data["tickets"]], data["pages"]

        assert listed("1") == (numbers[:1:-1], 2)
        assert listed("2", page=2) == ([numbers[1]], 2)
        assert listed("3", status="closed") == ([numbers[0]], 1)
        assert listed("4", status="work_in_progress") == ([numbers[1]], 1)
        of_intake.command("profile", 0)
        theirs = {"appName": "intake", "ns": f"{desk.db_prefix}_intake.tickets"}
        rows = [row for row in of_intake["system.profile"].find(theirs) if "a1" in str(row["command"])]
    plans = {row["planSummary"] for row in rows}
    assert len(rows) == 8
    assert all("agent.id" in plan for plan in plans), plans
    # The index of open tickets reads nothing that is closed.
    assert all(row["docsExamined"] <= 22 for row in rows)


def test_an_agent_keeps_no_file_in_anothers_name(desk: Desk) -> None:
    desk.start("intake")
    part = {"upload": "u", "name": "a", "media_type": "text/plain", "part": 1, "parts": 1, "content": "aGk="}
    for id_, who in (("1", {"requester": account("ann")}), ("2", {"agent_id": "a2", "number": "10000001"})):
        assert ask(desk, AGENT, id_, "attachment.upload", {**part, **who}).data["code"] == "forbidden"
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        of_intake = client[f"{desk.db_prefix}_intake"]
        assert not [*of_intake["attachments"].find(), *of_intake["uploads"].find()]
