"""How a ticket changes, whatever the reason: from which status to which, with which entry and event, and by a merge.

Whoever decides about a ticket, in any room, changes it by these. The page is docs/ticket-life.md.
"""
