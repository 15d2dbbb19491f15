"""Planted outliers among posts, some of which are viral and right."""
