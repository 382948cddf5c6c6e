"""Changing the schema of a SQL Server: its lock, its history, statements with their entries, what its catalog tells."""
