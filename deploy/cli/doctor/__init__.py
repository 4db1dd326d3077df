"""Examines a desk and says what is wrong, how bad it is, and what to type: `casebus doctor`. The page is
docs/operating.md.
"""
