"""Searching annotations."""
