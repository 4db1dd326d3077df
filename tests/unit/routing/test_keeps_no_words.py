"""Routing keeps nothing of people, so it has nothing to forget when one is erased."""

from __future__ import annotations

from services.intake.domain.values.whose import TICKET
from services.routing.domain.state import Ticket

OWN = {"skill", "tier", "given_for", "own_priority", "waiting_since", "ages_at", "cause", "reservation", "revision"}


def test_every_field_of_a_ticket_is_the_desks() -> None:
    kept = set(Ticket.__dataclass_fields__)
    assert kept - OWN <= TICKET.keys(), "say in OWN that this is no person's, or do not keep it"
    assert {TICKET[name].whose for name in kept - OWN} == {"desk"}
