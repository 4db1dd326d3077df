"""What a channel's form is made of."""

from __future__ import annotations

from dataclasses import replace

from contracts.by_language import Worded
from contracts.catalogue import Catalogue
from tests.unit.intake.desk import CATALOGUE, Desk

BILLING = CATALOGUE.categories["billing"]


def test_a_form_has_all_that_people_can_ask_about_in_the_operators_order() -> None:
    heard = Desk().send("catalogue.view", {})
    assert (heard.type, heard.decision.changes, heard.decision.remember) == ("catalogue.viewed", (), False)
    shown = heard.data["categories"]
    assert [(each["id"], each["priority"]) for each in shown] == [
        (id_, category.priority) for id_, category in CATALOGUE.categories.items()
    ]
    safety = shown[0]
    assert safety["subcategories"] == [{"id": "card", "name": "Card"}, {"id": "refund", "name": "Refund"}]
    assert [(each["id"], each["kind"], each.get("required", False)) for each in safety["questions"]] == [
        ("order", "text", True),
        ("amount", "number", False),
        ("paid-by", "choice", False),
        ("seen-on", "date", False),
    ]
    assert safety["questions"][2]["choices"] == [{"choice": "card", "name": "Card"}, {"choice": "cash", "name": "Cash"}]
    assert {each["id"]: each["one_open_per"] for each in shown}["access"] == "category"


def test_people_read_it_in_their_language_and_the_answers_that_come_back_stay_the_same() -> None:
    question = replace(
        BILLING.questions[2],
        labels={"de": "Wie?"},
        choices={"card": Worded("Card", {"de": "Karte"}), "cash": Worded("Cash")},
    )
    billing = replace(
        BILLING,
        names={"de": "Zahlungen"},
        subcategories={"refund": Worded("Refund", {"de": "Rückzahlung"})},
        questions=(question,),
    )
    desk = Desk(catalogue=Catalogue({"billing": billing}))
    for language, name, subcategory, label, choice in (
        ("de-AT", "Zahlungen", "Rückzahlung", "Wie?", "Karte"),
        ("fr", "Billing", "Refund", "How?", "Card"),
    ):
        (shown,) = desk.send("catalogue.view", {"language": language}).data["categories"]
        assert (shown["name"], shown["subcategories"]) == (name, [{"id": "refund", "name": subcategory}])
        (asked,) = shown["questions"]
        assert (asked["label"], asked["choices"][0]) == (label, {"choice": "card", "name": choice})
    answered = desk.submit(category="billing", fields={"paid-by": "card"})
    assert answered.type == "ticket.opened"
    assert desk.submit(category="billing", subject="Other", fields={"paid-by": "Karte"}).code == "invalid"


def test_agents_may_ask_too() -> None:
    assert Desk().send("catalogue.view", {}, "agent.a1").type == "catalogue.viewed"
