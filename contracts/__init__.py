"""What crosses the wire of the help desk, and nothing else: imports marshmallow only, does no I/O.

Start at `registry` (every message type and its schema) and `envelope` (reading and writing a message). The page is
docs/contracts.md.
"""
