"""Floor 4: loopwright.toml to Task and back, inference from a directory, kernel drivers."""
