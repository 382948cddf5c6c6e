"""Databases, one folder each. Found by `systems.registry`, never listed."""
