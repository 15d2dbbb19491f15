"""Questions with the answers that they must get."""
