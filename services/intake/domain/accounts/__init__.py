"""Requesters and their accounts: who asks, their address, their preferences, and the end of an account.

Also one person behind several accounts: an address that each has confirmed, an account merged into another, and what
happens to their tickets. The page is docs/accounts.md.
"""
