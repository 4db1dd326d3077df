"""What crosses the wire of the help desk, and nothing else. It does no I/O of its own.

Start at `registry` (every message type and its schema) and `envelope` (reading and writing a message). The page is
docs/contracts.md.
"""
