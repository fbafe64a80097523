"""Repairs of moto's Batch that stacks with jobs of images need."""
