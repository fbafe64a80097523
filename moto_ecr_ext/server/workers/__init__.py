"""Workers: processes that serve the registry on the port of one server, beside moto's process."""
