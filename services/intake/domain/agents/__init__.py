"""Who has a ticket: assignment, transfer, what supervisors alone do, and the news of agents that intake goes by.

The pages are docs/ticket-life.md and docs/staff.md.
"""
