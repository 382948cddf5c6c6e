"""Scripts as statements, for each dialect. Pure."""
