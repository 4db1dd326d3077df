"""What an issue is, and which issues are alike. A person has at most one open ticket for an issue.

The key of an issue; how alike two texts are; which open tickets a submission is like. The pages are docs/intake.md
and docs/similar-issues.md.
"""
