"""What the database says about everything that a batch of events names: read once, in the feed's thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from hcommon.auth import Principal, principals_of_users
from hcommon.db.engine import Database
from hcommon.events.annotations import AnnotationEvent
from hcommon.events.base import Event
from hcommon.events.groups import GroupUpdated, MembershipEvent
from hcommon.presentation.annotation import LinkSettings
from sqlalchemy import Connection

from hwebsocket import annotations, members
from hwebsocket.annotations import LoadedAnnotation
from hwebsocket.departures import Addresses, load_left_documents
from hwebsocket.members import Member
from hwebsocket.registry import Registry


@dataclass(frozen=True, slots=True)
class Loaded:
    """The state of things for one batch.

    Attributes:
        annotations: By id; those that are gone are missing.
        left_documents: Addresses of the documents that some of them were moved away from, by `document.id`.
        members: Users with open sockets whose memberships or groups changed, by key.
    """

    annotations: Mapping[UUID, LoadedAnnotation] = field(default_factory=dict)
    left_documents: Mapping[int, Addresses] = field(default_factory=dict)
    members: Mapping[int, Member] = field(default_factory=dict)


class Loader:
    """Reads no more than the sockets of this process need."""

    def __init__(self, *, database: Database, registry: Registry, links: LinkSettings) -> None:
        self._database = database
        self._registry = registry
        self._links = links

    def load(self, events: Sequence[Event]) -> Loaded:
        """Read for a batch; nothing while no socket wants to hear of it.

        All annotations are one statement, or two when some moved to other documents; each user is one more, and few
        events are about users.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away.
        """
        ids = {event.annotation_id for event in events if isinstance(event, AnnotationEvent)}
        if not self._registry.is_anybody_listening:
            ids = set()
        connected = self._registry.user_ids() if any(map(_is_about_users, events)) else set()
        if not ids and not connected:
            return Loaded()
        with self._database.read() as connection:
            found = annotations.load(connection, ids) if ids else {}
            return Loaded(
                annotations=found,
                left_documents=load_left_documents(connection, events, found),
                members=self._members(connection, events, connected) if connected else {},
            )

    def review(self) -> tuple[set[UUID], dict[int, Principal]]:
        """Return which grants of open sockets are over, and whom the others' users are now, by key.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away.
        """
        with self._database.read() as connection:
            return (
                members.ended_grants(connection, self._registry.grant_ids()),
                principals_of_users(connection, self._registry.user_ids()),
            )

    def _members(self, connection: Connection, events: Sequence[Event], connected: set[int]) -> dict[int, Member]:
        changed = {event.user_id for event in events if isinstance(event, MembershipEvent)} & connected
        groups = {event.group_id for event in events if isinstance(event, GroupUpdated)}
        if groups:
            changed |= members.among(connection, connected, group_ids=groups)
        return members.load(connection, changed, links=self._links)


def _is_about_users(event: Event) -> bool:
    return isinstance(event, MembershipEvent | GroupUpdated)
