"""The rules of notifications: who is told what, how, when and how often. Pure. See docs/notifications.md."""
