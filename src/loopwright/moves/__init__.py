"""Floor 8: edits with a proof: one file a move family, and byte-exact editing of source."""
