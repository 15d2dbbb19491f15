"""What engines get: rows made to their contracts, written as bundles that a receiver can check."""
