"""What readers ask: view, search, suggest, list; who may see what."""
