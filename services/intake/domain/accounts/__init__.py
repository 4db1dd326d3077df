"""Requesters and their accounts: who asks, at what address, what they want to be told, and when an account ends.

Also one person behind several accounts: a confirmed address, an account merged into another, and what becomes of the
tickets. The page is docs/accounts.md.
"""
