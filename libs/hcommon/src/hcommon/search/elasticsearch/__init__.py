"""Searching in Elasticsearch: the mapping is the contract between who writes the index and who searches it.

Import the modules themselves: the client takes a while to load, and installations without Elasticsearch never need it.
"""
