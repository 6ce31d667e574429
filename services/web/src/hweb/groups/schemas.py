"""Query parameters of lists of groups."""

from typing import Annotated

from fastapi import Query

AuthorityQuery = Annotated[
    str | None, Query(description="Whose groups; logged-in users always get those of their own authority.")
]
"""An authority; of one that nobody knows there are no groups."""

ExpandQuery = Annotated[list[str] | None, Query(description="`scopes` or `organization`; may be repeated.")]
"""What to show in full; other values are ignored."""

DocumentURIQuery = Annotated[str | None, Query(description="Address of the document that is annotated.")]
