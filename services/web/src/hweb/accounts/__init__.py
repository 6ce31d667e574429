"""Accounts of people: signing up, in and out."""
