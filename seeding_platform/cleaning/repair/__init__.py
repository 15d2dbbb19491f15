"""Repair of cells by rules that somebody declared: formats, functional dependencies, dictionaries."""
