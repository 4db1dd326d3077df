"""What is drawn from code and checked in: documents of the contract, and the table of a ticket's life."""
