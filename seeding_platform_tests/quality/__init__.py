"""Judging tables and telling about it."""
