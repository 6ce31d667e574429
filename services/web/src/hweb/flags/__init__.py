"""Readers' reports of annotations to the moderators of their group."""
