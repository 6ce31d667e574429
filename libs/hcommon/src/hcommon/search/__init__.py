"""Searching: the query, its backends, and the folding that both share."""
