"""The knowledge base: articles, and how people find them. The page is docs/knowledge.md."""
