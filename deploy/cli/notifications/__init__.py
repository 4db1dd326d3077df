"""`casebus notifications`: what could not be told, told again; and what the words look like. See docs/operating.md."""
