"""Changing the schema of a MySQL or MariaDB database: lock, history, what changes did, and what they would do."""
