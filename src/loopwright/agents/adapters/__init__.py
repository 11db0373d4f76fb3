"""Command-line agents, one a file: what is different about each."""
