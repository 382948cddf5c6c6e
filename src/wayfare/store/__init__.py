"""Our own records: runs, plans, the journal, sealed secrets. SQLite by default, PostgreSQL at scale."""
