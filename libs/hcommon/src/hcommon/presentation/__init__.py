"""Rows to the API's JSON, shared by web responses and socket payloads."""
