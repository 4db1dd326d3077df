"""README and docs/, executed. The page is docs/testing.md."""
