"""Schema changes: checked, planned and rehearsed, approved, carried out under watch, rolled back, proved by dumps."""
