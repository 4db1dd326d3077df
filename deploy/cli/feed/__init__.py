"""`casebus feed`: publishes the requests of a file, as a channel. The page is docs/cli.md."""
