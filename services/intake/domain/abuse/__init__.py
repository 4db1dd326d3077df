"""What protects the desk from floods and machines: blocked requesters, bursts, limits, automatic messages.

The pages are docs/abuse.md and docs/automatic.md.
"""
