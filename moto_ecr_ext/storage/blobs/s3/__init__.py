"""Blobs in a bucket of S3, which several servers may share."""
