"""`casebus dead`: the messages that no service could handle or no queue took. The page is docs/operating.md."""
