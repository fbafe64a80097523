"""How requests reach the registry."""
