"""How the model of `services/meaning` is made. The page is docs/meaning.md."""
