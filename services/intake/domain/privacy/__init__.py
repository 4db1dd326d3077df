"""What the desk forgets about a person, and what it gives them: erasure, redaction, and a copy of their data.

The page is docs/privacy.md.
"""
