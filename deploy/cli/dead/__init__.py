"""What became of the messages that nobody could handle or that nobody heard: `casebus dead`. The page is
docs/operating.md.
"""
