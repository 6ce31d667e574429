"""Live connections, found by what they want to hear of and by whom they belong to.

All of it runs on the event loop. The work of a look-up depends on what is found, not on how many sockets there are.
"""

from collections.abc import Hashable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final, Generic, Literal, TypeVar
from uuid import UUID

from hwebsocket.connection import Connection
from hwebsocket.filters import ALL_VERSIONS, Filter, Page, Subject

_REMEMBERED_GRANTS: Final = 10_000
_REMEMBERED_CHANGES: Final = 10_000

_Key = tuple[Literal["id", "reference", "group", "page"], Hashable]
_K = TypeVar("_K", bound=Hashable)


class _Index(Generic[_K]):
    """Connections by key; a key without connections is not kept."""

    def __init__(self) -> None:
        self._found: dict[_K, set[Connection]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def keys(self) -> list[_K]:
        return list(self._found)  # one step of the interpreter, so that any thread may ask

    def get(self, key: _K) -> AbstractSet[Connection]:
        return self._found.get(key, frozenset())

    def add(self, key: _K, connection: Connection) -> None:
        self._found.setdefault(key, set()).add(connection)

    def discard(self, key: _K, connection: Connection) -> None:
        found = self._found[key]
        found.discard(connection)
        if not found:
            del self._found[key]


class Registry:
    """The connections of one process; passed to whoever needs it."""

    def __init__(self) -> None:
        self._filters: dict[Connection, Filter | None] = {}
        self._listening = 0
        self._by_key = _Index[_Key]()
        self._by_user = _Index[int]()
        self._by_grant = _Index[UUID]()
        self._revoked: dict[UUID, None] = {}
        self._changes: dict[int, int] = {}  # user to the number of its last change, the oldest first
        self._last_change = 0
        self._forgotten_change = 0

    def __len__(self) -> int:
        return len(self._filters)

    def __iter__(self) -> Iterator[Connection]:
        """Iterate over the connections of this moment."""
        return iter(tuple(self._filters))

    @property
    def authenticated(self) -> int:
        """How many belong to a user."""
        return sum(connection.user_id is not None for connection in self._filters)

    @property
    def is_anybody_listening(self) -> bool:
        """Whether any connection has a filter."""
        return self._listening > 0

    def add(self, connection: Connection) -> None:
        """Take a new connection in; it hears of nothing before it has a filter."""
        self._filters[connection] = None
        if connection.user_id is not None:
            self._by_user.add(connection.user_id, connection)
        if connection.grant_id is not None:
            self._by_grant.add(connection.grant_id, connection)

    def remove(self, connection: Connection) -> None:
        """Forget a connection; one that is not there does no harm."""
        if connection not in self._filters:
            return
        self._unsubscribe(connection)
        del self._filters[connection]
        if connection.user_id is not None:
            self._by_user.discard(connection.user_id, connection)
        if connection.grant_id is not None:
            self._by_grant.discard(connection.grant_id, connection)

    def subscribe(self, connection: Connection, wanted: Filter) -> None:
        """Give a connection a filter in place of the one before; one that is not there gets none."""
        if connection not in self._filters or self._filters[connection] == wanted:
            return
        self._unsubscribe(connection)
        self._filters[connection] = wanted
        self._listening += 1
        for key in _wanted_keys(wanted):
            self._by_key.add(key, connection)

    def _unsubscribe(self, connection: Connection) -> None:
        wanted = self._filters[connection]
        if wanted is None:
            return
        self._listening -= 1
        for key in _wanted_keys(wanted):
            self._by_key.discard(key, connection)

    def by_user(self, user_id: int) -> frozenset[Connection]:
        """Return the connections of a user, whose `principal` may be replaced when memberships change."""
        return frozenset(self._by_user.get(user_id))

    def user_ids(self) -> set[int]:
        """Return the users of this moment; may be called from any thread."""
        return set(self._by_user.keys())

    def grant_ids(self) -> set[UUID]:
        """Return the grants of this moment; may be called from any thread."""
        return set(self._by_grant.keys())

    @property
    def last_change(self) -> int:
        """Return the number of the last change of a user's memberships that was heard of."""
        return self._last_change

    def note_change(self, user_id: int) -> None:
        """Remember, for handshakes that are under way, that a user's memberships changed."""
        self._last_change += 1
        self._changes.pop(user_id, None)
        self._changes[user_id] = self._last_change
        if len(self._changes) > _REMEMBERED_CHANGES:
            self._forgotten_change = self._changes.pop(next(iter(self._changes)))

    def has_changed(self, user_id: int | None, *, since: int) -> bool:
        """Return whether a user's memberships may have changed after the change of that number."""
        if user_id is None:
            return False
        return since < self._forgotten_change or since < self._changes.get(user_id, 0)

    def revoke(self, grant_id: UUID) -> frozenset[Connection]:
        """Return the connections of a grant that is over, and remember it for handshakes that are under way."""
        self._revoked[grant_id] = None
        if len(self._revoked) > _REMEMBERED_GRANTS:
            del self._revoked[next(iter(self._revoked))]
        return frozenset(self._by_grant.get(grant_id))

    def is_revoked(self, grant_id: UUID | None) -> bool:
        """Return whether a grant was lately said to be over."""
        return grant_id in self._revoked

    def wanting(self, subject: Subject) -> set[Connection]:
        """Return the connections whose filter matches; who may see the annotation is another question."""
        keys: list[_Key] = [("group", subject.group_pubid), ("id", subject.annotation_id)]
        keys += [("reference", reference) for reference in subject.references]
        found: set[Connection] = set()
        for key in keys:
            found |= self._by_key.get(key)
        for uri_hash in subject.document_uri_hashes | {subject.target_uri_hash}:
            for page in (Page(uri_hash, subject.version), Page(uri_hash, ALL_VERSIONS)):
                found |= self._looking_at(page, subject)
        return found

    def _looking_at(self, page: Page, subject: Subject) -> AbstractSet[Connection]:
        connections = self._by_key.get(("page", page))
        if not subject.canonical_uris or page.uri_hash == subject.target_uri_hash:
            return connections
        return {one for one in connections if not self._spellings(one, page) <= subject.canonical_uris}

    def _spellings(self, connection: Connection, page: Page) -> frozenset[str]:
        wanted = self._filters[connection]
        return wanted.pages[page] if wanted else frozenset()


def _wanted_keys(wanted: Filter) -> Iterator[_Key]:
    for annotation_id in wanted.ids:
        yield "id", annotation_id
    for reference in wanted.references:
        yield "reference", reference
    for group in wanted.groups:
        yield "group", group
    for page in wanted.pages:
        yield "page", page
