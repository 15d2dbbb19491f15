"""Enrichment in the state database: what is to be done with each record, by whom, and what came of it. What is done is not decided here."""
