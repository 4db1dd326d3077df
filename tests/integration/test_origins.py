"""Allowances by origin, on a desk that is attacked from one browser: whoever comes from another goes on."""

from __future__ import annotations

import base64
from typing import Any

from pymongo import MongoClient

from deploy.local.desk import Desk
from services.intake.credentials.secrets import VERIFIED_FOR_AN_ORIGIN
from services.intake.files.keeping import MOST_UNNAMED_FROM_AN_ORIGIN
from tests.integration.test_attachments import PDF, attachment
from tests.integration.test_intake import ask, outcomes, publish
from tests.unit.intake.desk import account, submission

MALLORY, ANN = {"origin": "mallory's browser"}, {"origin": "ann's browser"}


def everything_stored(desk: Desk) -> str:
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        of_intake = client[f"{desk.db_prefix}_intake"]
        return repr([[*of_intake[name].find()] for name in of_intake.list_collection_names()])


def test_a_hundred_accounts_with_twenty_files_each_from_one_browser_stop_no_other(desk: Desk) -> None:
    desk.start("intake")
    # Ten files each time, in replies to no ticket: nothing ever names them.
    wasted = [
        (
            f"{who}-{half}",
            "ticket.reply",
            {
                "requester": account(f"free{who}"),
                "number": "99999999",
                "body": "x",
                **MALLORY,
                "attachments": [attachment(PDF + bytes([who, half, n])) for n in range(10)],
            },
        )
        for who in range(100)
        for half in range(2)
    ]
    publish(desk, "web", wasted)
    assert {event.data["code"] for event in outcomes(desk, "web", "web.outcomes", len(wasted))} == {"unknown_ticket"}
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        kept = client[f"{desk.db_prefix}_intake"]["attachments"].count_documents({})
    assert MOST_UNNAMED_FROM_AN_ORIGIN <= kept < MOST_UNNAMED_FROM_AN_ORIGIN + 10
    upload = {"upload": "u", "name": "a.pdf", "media_type": "application/pdf", "part": 1, "parts": 1}
    upload["content"] = base64.b64encode(PDF).decode()
    heard = ask(desk, "web", "m", "attachment.upload", {"requester": account("more"), **upload, **MALLORY})
    assert heard.data["code"] == "rate_limited"
    stored = ask(desk, "web", "u", "attachment.upload", {"requester": account("ann"), **upload, **ANN})
    assert stored.type == "attachment.stored"
    files = [stored.data["attachment"], attachment(PDF + b"!", name="b.pdf")]
    opened = ask(desk, "web", "s", "ticket.submit", {**submission(account("ann"), attachments=files), **ANN})
    assert (opened.type, "left_out" in opened.data) == ("ticket.opened", False)
    assert (
        ask(desk, "web", "n", "attachment.upload", {"requester": account("eve"), **upload}).type == "attachment.stored"
    )
    assert "browser" not in everything_stored(desk), "nobody is followed by what their browser is called"
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        records = client[f"{desk.db_prefix}_intake"]["attachments"]
        assert records.count_documents({"used": True}) == 2
        assert records.count_documents({"used": True, "origin": {"$exists": True, "$ne": ""}}) == 0, (
            "what is named is counted no more"
        )


def test_wrong_sign_ins_from_one_browser_stop_no_other(desk: Desk) -> None:
    desk.start("intake")

    def opened(id_: str, **origin: str) -> dict[str, Any]:
        data = ask(desk, "web", id_, "account.open_temporary", origin).data
        return {"account_id": data["account_id"], "secret": data["secret"]}

    ann = {"temporary": opened("ann", **ANN)}
    free = [opened(f"free{n}", **MALLORY) for n in range(5)]
    assert ask(desk, "web", "free5", "account.open_temporary", MALLORY).data["code"] == "rate_limited"
    guesses = [
        (f"{n}-{who}", "ticket.list", {"requester": {"temporary": {**owner, "secret": f"guess {n}"}}, **MALLORY})
        for n in range(60)
        for who, owner in enumerate(free)
    ]
    publish(desk, "web", guesses)
    codes = [event.data["code"] for event in outcomes(desk, "web", "web.outcomes", len(guesses))]
    assert set(codes) == {"unauthenticated", "rate_limited"}
    assert codes.count("unauthenticated") <= VERIFIED_FOR_AN_ORIGIN.at_once + 10
    assert ask(desk, "web", "l", "ticket.list", {"requester": ann, **ANN}).type == "ticket.listed"
    assert ask(desk, "web", "o", "account.open_temporary", {**ANN, "display_name": "Ann"}).type != "command.rejected"
