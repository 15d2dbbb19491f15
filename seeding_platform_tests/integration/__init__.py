"""Whole processes: killed, doubled, left alone."""
