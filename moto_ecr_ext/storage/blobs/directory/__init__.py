"""Blobs as files of a directory, for POSIX systems."""
