"""Repair of public tables whose truth is known, and of a made table of products."""
