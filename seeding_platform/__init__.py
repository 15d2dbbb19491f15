"""Seeding Platform: raw marketing and operations data in; trustworthy tables, models, bundles and KPIs out."""

__version__ = "0.1.0"
