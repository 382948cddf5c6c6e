"""The command line: parses what was asked, shows what the journal says. What is heavy loads when a command needs it."""
