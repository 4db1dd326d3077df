"""What requesters and agents do to a ticket, from its submission to its end, and how they look at it.

Who has it is in agents/; what moves it to another person in accounts/. The pages are docs/intake.md and
docs/ticket-life.md.
"""
