"""`casebus doctor`: examines a desk, and says what is wrong, how bad it is, and what to do. The page is
docs/operating.md."""
