"""What a turn of intake reads from MongoDB. The page is docs/intake.md, "What a turn reads"."""
