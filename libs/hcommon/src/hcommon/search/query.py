"""What is searched for: one frozen value that both search backends take."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hcommon.uri import VersionedURI, WildcardURI


class SortKey(StrEnum):
    """Order of the rows; ties are always broken by id."""

    CREATED = "created"
    UPDATED = "updated"
    GROUP = "group"
    ID = "id"
    USER = "user"


@dataclass(frozen=True, slots=True)
class UserTerm:
    """A user as named in a search, normalised; without an authority, of any."""

    username_normalized: str
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of the page before: rows strictly after it, in the query's order, are asked for.

    Attributes:
        value: Its sort key.
        id: Its id; None for the client's bare cursor, which means "after every row with this key".
    """

    value: datetime | str | UUID
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search. Empty tuples ask for nothing in particular; filled ones are ANDed unless said otherwise.

    Attributes:
        uris: Any of these, each with the URIs of its document.
        wildcard_uris: Any of these; ORed with `uris`.
        uri_parts: Each text's words must all be among the parts of the target URI.
        groups: Any of these group ids; one that is unknown or unreadable matches nothing.
        users: Any of these users.
        tags: Every text's words must all be among the annotation's tags.
        text: For every text, at least one of its words must be in the annotation's text.
        quote: For every text, at least one of its words must be in the quoted text.
        any: Simple query strings (AND, `|`, `-`, phrase, prefix, parentheses), over quote, tags, text and URI parts.
        references: Ids of which each must be among the ancestors.
        unmatchable: Something asked for exists nowhere (a malformed id, say): no rows.
        top_level_only: Leave replies out.
        limit: Rows wanted; a page is longer when it would end inside a run of equal dates.
        offset: Rows left out from the front; 0 with a cursor.
        after: Cursor.
    """

    uris: tuple[VersionedURI, ...] = ()
    wildcard_uris: tuple[WildcardURI, ...] = ()
    uri_parts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    users: tuple[UserTerm, ...] = ()
    tags: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    quote: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    references: tuple[UUID, ...] = ()
    unmatchable: bool = False
    top_level_only: bool = False
    sort: SortKey = SortKey.UPDATED
    descending: bool = True
    limit: int = 20
    offset: int = 0
    after: Cursor | None = None

    @property
    def is_extended_over_ties(self) -> bool:
        """Return whether a page goes on while rows of its last row's date remain.

        So a walk whose cursors are bare dates loses none; with an offset or ids in the cursor there is no need.
        """
        by_date = self.sort in (SortKey.CREATED, SortKey.UPDATED)
        return by_date and not self.offset and not (self.after and self.after.id)

    @property
    def is_page_read(self) -> bool:
        """Return whether PostgreSQL answers it by itself, exactly and at once, without a search backend.

        So are reads by `uri`, by `references`, and of a group's or a user's annotations, without words to find.
        """
        searched = self.wildcard_uris or self.uri_parts or self.tags or self.text or self.quote or self.any
        return not searched and bool(self.uris or self.references or self.groups or self.users)
