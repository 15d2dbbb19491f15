"""Figures for people: KPIs as ratios of sums, never of ratios."""
