"""What keeps the house itself in order."""
