"""State: rows in a database, and bytes in a blob store."""
