"""`casebus notifications`: failed deliveries, sending them again, and previews of templates. See docs/operating.md."""
