"""Floor 5: put a task and a candidate's files on disk, build them, run one case, collect what came out.

Gates, timing and profilers all stand on this room; it alone knows program tasks from kernel tasks.
"""
