"""Annotations: create, read, change and delete."""
