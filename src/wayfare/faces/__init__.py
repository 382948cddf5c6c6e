"""The outside: one folder per surface."""
