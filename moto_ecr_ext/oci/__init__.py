"""Values and formats of the OCI specifications, independent of state and of moto."""
