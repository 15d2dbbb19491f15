"""Assets of the clean layer."""
