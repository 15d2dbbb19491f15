"""Which rows are the same thing, and which of them survives."""
