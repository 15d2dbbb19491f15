"""Assets that enrichment makes, and what keeps it going."""
