"""Values and formats of the OCI specifications: no state, no moto."""
