"""Attachments: sealing, keys, what a file is, scanning, where files are kept. The page is docs/attachments.md."""
