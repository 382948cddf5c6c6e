"""Document 004: the universal migration service."""
