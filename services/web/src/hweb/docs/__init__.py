"""The reference of the API, for people."""
