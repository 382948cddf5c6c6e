"""Changing the schema of a PostgreSQL: its lock and its history, rehearsals, lost statements, replicas."""
