"""The data plane: hash, cast, compare, throttle. Arrow batches and bytes; knows no status, no store."""
