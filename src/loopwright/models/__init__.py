"""Floor 8: talking to language models; their prompts, and the edits in their replies."""
