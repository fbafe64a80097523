"""The users of ECR's images: other services of AWS, which run what was pushed, or show it.

An image goes from the store into docker's daemon as one archive over the daemon's own socket. That needs no network,
no TLS and no login, and works under `mock_aws`, where no server listens.
"""
