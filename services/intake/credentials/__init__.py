"""How people prove who they are, by secrets and codes, and how often they may try. The page is docs/intake.md."""
