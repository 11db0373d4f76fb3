"""Floor 11: what a person reads of a run: text, HTML, plots, patch."""
