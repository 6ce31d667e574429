"""The start page of a fresh installation."""
