"""Tests of ad-platform exports."""
