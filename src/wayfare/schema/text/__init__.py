"""Scripts as statements, for each dialect. Pure: `reading.read`, then `forbidden.forbidden`."""
