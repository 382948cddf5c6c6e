"""What schema changes cost the others, and how true rehearsals are: `uv run python -m benchmarks.schema`."""
