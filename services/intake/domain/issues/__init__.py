"""What an issue is, of which a person has one ticket open at most, and which issues are alike.

The key of an issue, how alike two texts are, and which open tickets a submission is like. The pages are docs/intake.md
and docs/similar-issues.md.
"""
