"""What editors do: write, translate, restore, publish, withdraw, move."""
