"""Tables and rows."""
