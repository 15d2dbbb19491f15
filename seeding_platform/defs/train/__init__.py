"""Assets that train models."""
