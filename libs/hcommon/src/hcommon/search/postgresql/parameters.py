"""Parameters of statements that are built once for every combination of them."""

from typing import Any

from sqlalchemy import ARRAY, BindParameter, bindparam

Values = dict[str, Any]
"""Values by name; each statement has a parameter of the same name."""


def array(name: str, item: Any) -> BindParameter[Any]:
    """Return a parameter that takes a list, whatever its length, of values of the SQL type `item`."""
    return bindparam(name, type_=ARRAY(item))
