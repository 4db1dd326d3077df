"""What intake keeps and passes on, as frozen values: a ticket, an entry of its history, an account, an agent, a file.

A module says what a thing is, how the wire shows it, and what follows from it alone. What may be done with it is
decided in the other rooms.
"""
