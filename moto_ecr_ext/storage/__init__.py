"""State: rows in a database, bytes in a blob store, and nothing anywhere else."""
