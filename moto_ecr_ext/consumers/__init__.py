"""Consumers of ECR's images: other AWS services that run pushed images, or show them.

An image goes from the store into the docker daemon as one archive, over the daemon's socket. This needs no network, no
TLS and no login, and works under `mock_aws`, where no server listens.
"""
