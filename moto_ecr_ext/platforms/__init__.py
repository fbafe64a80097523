"""What differs between Linux, macOS and Windows, each way chosen once by what Python has there.

Nothing else of the package asks for the platform, or uses what Python does not have everywhere.
"""
