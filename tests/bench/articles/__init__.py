"""How well and how fast articles are found. The page is docs/knowledge.md."""
