"""Rows that are changed or removed a chunk at a time."""

from typing import Any

from sqlalchemy import ColumnElement, Select, any_, func


def in_chunk(key: Any, chosen: Select[Any]) -> ColumnElement[bool]:
    """Return the condition that a key is among those that `chosen`, which has a LIMIT and locks them, selects.

    As an array: PostgreSQL selects it once. Of `IN (SELECT … LIMIT …)` it may ask anew for each row, and then gets
    further keys each time.
    """
    among: ColumnElement[bool] = key == any_(func.array(chosen.scalar_subquery()))
    return among
