"""Files: which of a command's come into a ticket, large ones in parts, downloads, the virus scanner, master keys.

Only what is decided about them. How they are judged, encrypted, stored and read is in services/intake/files/. The page
is docs/attachments.md.
"""
