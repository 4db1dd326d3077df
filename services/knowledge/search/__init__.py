"""The index in memory, and everything that finds articles in it. It knows no database, no message and no audience.

Whoever uses it makes an `Index` for each audience and calls it in native threads. The page is docs/knowledge.md,
"Search".
"""
