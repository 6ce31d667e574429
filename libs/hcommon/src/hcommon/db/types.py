"""Column types."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Cast,
    ColumnElement,
    DateTime,
    Dialect,
    Identity,
    Text,
    TypeDecorator,
    cast,
)
from sqlalchemy import UUID as SQL_UUID
from sqlalchemy.orm import mapped_column


class RawJSON(TypeDecorator[str]):
    """A `json` column read and written as JSON text, never parsed on the way.

    `json`, not `jsonb`: what clients sent is stored letter for letter, and the text goes into responses as an
    orjson fragment. PostgreSQL checks its syntax on writing.
    """

    impl = JSON
    cache_ok = True
    should_evaluate_none = False

    def bind_processor(self, dialect: Dialect) -> None:  # noqa: ARG002 - the text goes out as it is
        """Send the text as it is."""
        return

    def result_processor(self, dialect: Dialect, coltype: object) -> None:  # noqa: ARG002 - the driver returns text
        """Return what the driver returns: text, as `engine.create` switched its own parsing off."""
        return


class UUIDArray(TypeDecorator[Sequence[UUID]]):
    """A parameter of UUIDs, for `any_` and the like.

    It goes out as one literal: adapting and parsing an array of twenty one by one costs the driver and PostgreSQL as
    much as finding their rows.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[UUID] | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return PostgreSQL's literal of the array."""
        return None if value is None else "{" + ",".join([item.hex for item in value]) + "}"

    def bind_expression(self, bindvalue: ColumnElement[Sequence[UUID]]) -> Cast[Sequence[UUID]]:
        """Have PostgreSQL read it as what it is."""
        return cast(bindvalue, ARRAY(SQL_UUID()))


IntKey = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
"""Surrogate key."""

Timestamp = Annotated[datetime, mapped_column(DateTime(timezone=True))]
"""An instant; always aware and UTC in Python, microseconds in PostgreSQL."""

LongText = Annotated[str, mapped_column(Text)]
"""Text without a limit of its own."""
