"""One folder per system we can talk to; nobody outside a folder names it."""
