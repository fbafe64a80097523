"""Descriptions of faults, in Python's arguments and in JSON: checked, and turned into faults."""
