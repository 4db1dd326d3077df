"""What requesters and agents do to a ticket, from its submission to its end, and how they view it.

Who has a ticket is in agents/; how it moves to another person is in accounts/. The pages are docs/intake.md and
docs/ticket-life.md.
"""
