"""Floor 1: the project's words as frozen types and pure functions. No file, no process, no clock."""
