"""Looks a desk over and says what is wrong, how bad, and what to type: `casebus doctor`. The page is
docs/operating.md.
"""
