"""Floor 7: the one door: build, gate, time, profile and record a candidate."""
