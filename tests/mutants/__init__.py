"""How well the tests bite: `make mutants`. The page is docs/testing.md."""
