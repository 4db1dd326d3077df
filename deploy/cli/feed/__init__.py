"""Requests from a file to the desk, as a channel: `casebus feed`. The page is docs/cli.md."""
