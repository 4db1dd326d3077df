"""`python -m deploy.documents`, which `make contracts` runs: writes all that is drawn from code."""

from __future__ import annotations

from deploy.documents import contract, ticket_life

contract.write()
ticket_life.write()
