"""Changing the schema of an SQLite file: its lock, its history, what changes did, and what they would do."""
