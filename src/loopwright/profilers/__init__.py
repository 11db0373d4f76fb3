"""Floor 6: where the time goes, one file a profiler."""
