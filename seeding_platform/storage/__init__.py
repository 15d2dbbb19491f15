"""Where data is kept: the lake (Delta tables) and the state database."""
