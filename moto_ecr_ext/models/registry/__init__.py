"""What belongs to a registry as a whole."""
