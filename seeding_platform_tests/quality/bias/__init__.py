"""Judging bias."""
