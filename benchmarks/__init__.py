"""How fast Wayfare is, beside its peers, measured in one run on one machine. See README.md."""
