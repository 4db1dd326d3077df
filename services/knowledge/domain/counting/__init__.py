"""What is counted: opened, helped, deflected."""
