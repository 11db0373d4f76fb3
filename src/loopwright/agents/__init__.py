"""Floor 10: whatever works at a workbench: the built-in optimiser, command-line agents."""
