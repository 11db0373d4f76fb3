"""Floor 6: paired sampling, intervals, the stopping rule and promotion."""
