"""Repairs of moto's Lambda that functions of images need."""
