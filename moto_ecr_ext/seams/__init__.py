"""The changes of the extension to moto and botocore: a module for each kind of seam.

`installation` plugs them in. A seam is a function that changes something, and returns a function that undoes the
change. Each names its assumptions about moto. `tests/unit/test_seams.py` has a test for each seam of the core, and the
tests of each room for its own; a failure names the assumption that no longer holds.
"""
