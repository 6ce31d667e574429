"""Fixtures, fakes and factories for the tests of every service; a pytest plugin (`-p hcommon.testing.plugin`).

The servers come from the fixtures `postgres_server_url` and `valkey` of the repository's `conftest.py`.
"""
