"""Scanners: programs that find the vulnerabilities of an image, and their reports."""
