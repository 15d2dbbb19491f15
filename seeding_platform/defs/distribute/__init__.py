"""Assets that build bundles for engines."""
