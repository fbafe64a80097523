"""What the page reads of the registries."""
