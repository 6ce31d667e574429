"""Celery tasks: idempotent, keyword-only, one transaction each; `registry` has the table of them."""
