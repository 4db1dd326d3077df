"""The rules of routing: who is signed on, which tickets wait, who gets which. Pure. See docs/routing.md."""
