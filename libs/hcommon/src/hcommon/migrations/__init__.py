"""Alembic migrations of the one schema; `h init` runs them, services only compare versions."""
