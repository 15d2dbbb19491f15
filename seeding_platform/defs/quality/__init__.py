"""Assets that judge tables and report on them."""
