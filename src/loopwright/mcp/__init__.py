"""Floor 12: the tools of a run for agents of other programs, by the Model Context Protocol."""
