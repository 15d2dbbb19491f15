"""Dagster's own web UI behind our keys and roles. Nothing imports this room but the command line."""
