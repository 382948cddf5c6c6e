"""The operators' page: files made from `ui/`, served at /ui. It speaks with `faces/wayfare`, as any program may."""
