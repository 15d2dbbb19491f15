"""Assets of figures for people."""
