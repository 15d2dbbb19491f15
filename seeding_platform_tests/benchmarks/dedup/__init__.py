"""Duplicates among posts: made posts with truth, what is measured of a deduplication, and others' tools beside ours."""
