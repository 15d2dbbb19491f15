"""Everything that Dagster sees. Nothing here computes: an asset names its inputs and calls one function of a room."""
