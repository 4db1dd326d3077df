"""The rules of intake: who may file, one open ticket per issue, the life of a ticket. Pure. See docs/intake.md."""
