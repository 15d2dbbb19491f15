"""Records of one or two tables that are the same thing, by several fields: a probabilistic linkage without labels."""
