"""The rules of the knowledge base: who may write, who sees what, what counts. Pure. The page is docs/knowledge.md."""
