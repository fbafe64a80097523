"""Programs that scan images."""
