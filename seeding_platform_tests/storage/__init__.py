"""Tests of `seeding_platform.storage`."""
