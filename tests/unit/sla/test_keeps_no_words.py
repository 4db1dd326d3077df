"""sla keeps people's words and names only in a ticket's newest snapshot, which the erased version replaces."""

from __future__ import annotations

from typing import get_type_hints

from contracts.snapshot import Snapshot
from services.intake.domain.values.whose import TICKET
from services.sla.domain.state import Countdown, Ticket
from services.sla.domain.versions import Span


def test_every_other_field_is_the_desks() -> None:
    own = {"id", "revision", "spans", "countdowns", "announced", "closing_soon_said"}
    assert set(Ticket.__dataclass_fields__) == own | {"newest"}
    assert get_type_hints(Ticket)["newest"] is Snapshot
    assert set(Countdown.__dataclass_fields__) == {"clock", "deadline", "warned", "breached", "met"}
    spans = set(Span.__dataclass_fields__) - {"first", "last", "customer_message_at"}
    assert spans <= TICKET.keys(), "say above that this is no person's, or do not keep it"
    assert {TICKET[name].whose for name in spans} == {"desk"}
