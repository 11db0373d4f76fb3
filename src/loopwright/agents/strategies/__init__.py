"""Which parent to extend next: refine, best-of-n, beam, mcts."""
