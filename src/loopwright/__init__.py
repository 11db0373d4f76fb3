"""Loopwright: takes a serial C or C++ kernel or program and gives back a faster one that can be trusted."""
