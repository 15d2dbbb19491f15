"""Enrichment: three dependent stages of AI over orders and exceptions; whatever fails is healed or escalated, and every record is accounted for.

What is to be done and what came of it stands in `storage.enrichment`; here is what is done: stages, providers, retries, actions, the monitor.
"""
