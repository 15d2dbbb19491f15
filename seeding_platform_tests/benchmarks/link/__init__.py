"""Linkage of public records whose truth is known."""
