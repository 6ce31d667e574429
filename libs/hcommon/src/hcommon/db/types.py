"""Column types."""

from datetime import datetime
from typing import Annotated

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Identity, Text, TypeDecorator
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


IntKey = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
"""Surrogate key."""

Timestamp = Annotated[datetime, mapped_column(DateTime(timezone=True))]
"""An instant; always aware and UTC in Python, microseconds in PostgreSQL."""

LongText = Annotated[str, mapped_column(Text)]
"""Text without a limit of its own."""
