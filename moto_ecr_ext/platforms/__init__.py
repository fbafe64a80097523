"""Differences between Linux, macOS and Windows, each decided once by the features of this Python.

No other module of the package asks for the platform, or uses features that Python does not have everywhere.
"""
