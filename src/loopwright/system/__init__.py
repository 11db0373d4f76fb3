"""Floor 2: commands under limits, the sandbox, what this machine is, and its measured floors."""
