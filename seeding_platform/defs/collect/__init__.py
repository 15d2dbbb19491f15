"""Assets that bring data in."""
