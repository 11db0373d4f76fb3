"""Floor 10: shipped sets of tasks, and the bench that times them beside what compilers make of them."""
