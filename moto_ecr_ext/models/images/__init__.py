"""Images: manifests and their tags."""
