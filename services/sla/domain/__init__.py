"""The rules of reply targets: calendars, deadlines, clocks and what is said about them. The page is docs/sla.md."""
