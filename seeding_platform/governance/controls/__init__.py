"""Obligations as data, and what an installation can show for each: met, not met or not applicable, with the evidence. Never a certification."""
