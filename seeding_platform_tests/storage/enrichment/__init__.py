"""Tests of the state of enrichment."""
