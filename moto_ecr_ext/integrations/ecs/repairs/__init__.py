"""Repairs of moto's ECS that tasks of images need."""
