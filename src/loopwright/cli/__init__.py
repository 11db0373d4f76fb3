"""Floor 12: the command line, one file a command; thin."""
