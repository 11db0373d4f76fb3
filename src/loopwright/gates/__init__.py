"""Floor 6: checks that a candidate passes or fails, one file a gate."""
