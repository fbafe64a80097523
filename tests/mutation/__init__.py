"""Mutation testing: each mutant changes the package in one place, which a test has to notice.

Mutants come from the operators of cosmic-ray. Its own program runs one command for all mutants of a session and writes
each into the sources; here a seed draws a sample, a mutant exists in the memory of one process only, and that process
runs the tests that reach the mutated line.
"""
