"""What the tests share: the registry's environments, clients of it, and programs and servers around it."""
