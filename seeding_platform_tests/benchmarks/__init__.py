"""What the pipeline costs; figures, no judgement."""
