"""`casebus articles`: the knowledge base as a folder of Markdown, and what its editors should look at."""
