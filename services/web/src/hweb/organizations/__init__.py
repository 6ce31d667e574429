"""Organisations: whoever stands behind groups, with a name and a logo."""
