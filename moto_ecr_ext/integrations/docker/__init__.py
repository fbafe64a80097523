"""Images for docker's daemon: their names as users write them, and their bytes.

An image goes from the store into the daemon as one archive, over the daemon's socket. This needs no network, no TLS and
no login, and works under `mock_aws`, where no server listens.
"""
