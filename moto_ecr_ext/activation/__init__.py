"""What the extension changes in moto and botocore: a module for each kind of seam.

`installation` plugs them in. A seam is a function that changes something, and returns what changes it back. Each says
what it relies on; `tests/unit/test_seams.py` has a test for each, whose failure names the assumption that moved.
"""
