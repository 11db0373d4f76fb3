"""Floor 3: compilers, one file a family; discovery; diagnostics and optimisation remarks as data."""
