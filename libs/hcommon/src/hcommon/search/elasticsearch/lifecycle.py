"""The index as a whole: made, built anew while everything runs, and the one before kept.

The alias names the index that is searched; `<alias>-write-<mapping version>` names the same one for those who write
documents of that version, so that an indexer of another release cannot put its own into it. While an index is built its
alias is `<alias>-next-<mapping version>`, which the indexer writes too; filling it reads every row from PostgreSQL, and
revisions sort out who was first. When it is complete, all aliases change at the same moment. The index before stays
until the next time, so that `restore_previous` can go back to it.

How far the filling has come is noted in the index itself, so that another run goes on after any end of this one.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from elasticsearch import Elasticsearch
from sqlalchemy import func, select

from hcommon.db.engine import Database
from hcommon.errors import ErrorKind, HError
from hcommon.search import reindex
from hcommon.search.elasticsearch.client import translated_errors
from hcommon.search.elasticsearch.mapping import FILLING_SETTINGS, MAPPING_VERSION, MAPPINGS, SETTINGS
from hcommon.search.elasticsearch.writer import ElasticsearchWriter
from hcommon.search.reindex import Progress

_RANDOM_BYTES: Final = 4
_LOCK: Final = 0x68_69_64_78  # any number of our own
NOTED_EVERY: Final = 10_000

_SECONDS: Final = 60
"""What changes an index as a whole may take this long, whatever the limit for a batch is."""


class IndexStateError(HError):
    """What is asked for needs an index that is not there, or the alias's name is taken."""

    kind = ErrorKind.CONFLICT


def next_alias(alias: str) -> str:
    """Return the alias of the index that is being built."""
    return f"{alias}-next-{MAPPING_VERSION}"


def write_alias(alias: str) -> str:
    """Return the alias under which this release writes the index that is searched."""
    return f"{alias}-write-{MAPPING_VERSION}"


class SearchIndex:
    """The indices of one installation."""

    def __init__(self, client: Elasticsearch, *, alias: str, noted_every: int = NOTED_EVERY) -> None:
        """Prepare it; nothing connects before it is used.

        Args:
            client: The connection.
            alias: The name of the index that is searched.
            noted_every: Annotations after which it is noted how far the filling of an index has come.
        """
        self._client = client.options(request_timeout=_SECONDS)
        self._writing_client = client
        self._alias = alias
        self._noted_every = noted_every
        self._write = write_alias(alias)
        self._next = next_alias(alias)

    def writer(self) -> ElasticsearchWriter:
        """Return what keeps the index, and the one that is being built, up to date."""
        return ElasticsearchWriter(self._writing_client, index=self._write, mirror=self._next)

    def live(self) -> str | None:
        """Return the name of the index that is searched; None before there is one.

        Raises:
            IndexUnavailableError: Elasticsearch is away.
        """
        return self._behind(self._alias)

    def mapping_version(self) -> int | None:
        """Return the version of the mapping of the index that is searched; None before there is one.

        Raises:
            IndexUnavailableError: Elasticsearch is away.
        """
        live = self.live()
        return None if live is None else self._version(live)

    def is_current(self) -> bool:
        """Return whether the index that is searched has the mapping of this release, and this release writes it.

        Raises:
            IndexUnavailableError: Elasticsearch is away.
        """
        live = self.live()
        return live is not None and self._version(live) == MAPPING_VERSION and self._behind(self._write) == live

    def renew(self, database: Database, *, on_progress: Callable[[Progress], None] | None = None) -> int:
        """Search an index of this release, after an upgrade or the way back; return the number of documents written.

        That is the index before, if it is one of this release, or else a new one.

        Raises:
            IndexStateError: An index is being built by another process, or has the alias's name.
            UnavailableError: PostgreSQL or Elasticsearch is away; it can be done again.
        """
        earlier = self._earlier()
        if earlier and self._version(earlier) == MAPPING_VERSION and not self._is_being_filled(earlier):
            return self.restore_previous(database)
        return self.rebuild(database, on_progress=on_progress)

    def rebuild(
        self,
        database: Database,
        *,
        after: UUID | None = None,
        begins_anew: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> int:
        """Build the index anew, while all goes on, and then search it; return the number of documents written.

        A run that was interrupted is gone on with.

        Args:
            database: Where the annotations are.
            after: The last id of that run; None for what it noted.
            begins_anew: Whether that run is given up instead.
            on_progress: Called after every batch.

        Raises:
            IndexStateError: There is no run to go on with, another process builds one, or the alias's name is taken.
            IndexIncompleteError: The new index lacks something; the one before is still searched.
            UnavailableError: PostgreSQL or Elasticsearch is away; the run can go on from the last progress.
        """
        with _alone(database):
            after = self._begin(after=after, anew=begins_anew)

            def noted(progress: Progress) -> None:
                if progress.done % self._noted_every < reindex.BATCH_SIZE:
                    self._note(progress.last_id)
                if on_progress:
                    on_progress(progress)

            written = reindex.reindex(database, self._filler(), after=after, on_progress=noted)
            self._change_over()
            return written

    def _begin(self, *, after: UUID | None, anew: bool) -> UUID | None:
        """Make an index to fill, unless there is one, and return the id behind which filling goes on."""
        building = self._behind(self._next)
        if building and not anew:
            return after or self._noted(building)
        if building:
            self._delete(building)
        elif after is not None:
            raise IndexStateError("There is no interrupted run to go on with. Start again, without --after.")
        self._create()
        return None

    def _note(self, last_id: UUID) -> None:
        with translated_errors():
            self._client.indices.put_mapping(index=self._next, meta=MAPPINGS["_meta"] | {"after": last_id.hex})

    def _noted(self, index: str) -> UUID | None:
        noted = self._meta(index).get("after")
        return UUID(hex=noted) if noted else None

    def restore_previous(self, database: Database) -> int:
        """Bring the index before up to date and search it again; return how many documents it lacked.

        Raises:
            IndexStateError: There is none, it is of another release, or a new index is being built.
            UnavailableError: PostgreSQL or Elasticsearch is away; it can be done again.
        """
        earlier = self._earlier()
        if earlier is None:
            raise IndexStateError("There is no index before this one.")
        if self._is_being_filled(earlier):
            raise IndexStateError("A new index is being built. End that first, with: h search reindex")
        if self._version(earlier) != MAPPING_VERSION:
            raise IndexStateError("The index before is of another release: install that one and run its: h init")
        with _alone(database):
            with translated_errors():
                self._client.indices.put_alias(index=earlier, name=self._next)
            repaired = reindex.settle(database, self._filler())
            self._change_over()
            return repaired

    def _earlier(self) -> str | None:
        live = self.live()
        return next((name for name in self._ours() if name != live), None)

    def _filler(self) -> ElasticsearchWriter:
        return ElasticsearchWriter(self._writing_client, index=self._next)

    def _create(self) -> None:
        name = f"{self._alias}-{MAPPING_VERSION}-{secrets.token_hex(_RANDOM_BYTES)}"
        with translated_errors():
            for alias in (self._alias, self._write, self._next):
                taken = self._client.indices.exists(index=alias)
                if taken and not self._client.indices.exists_alias(name=alias):
                    raise IndexStateError(
                        f"Elasticsearch has an index called {alias}, where an alias belongs: remove it."
                    )
            settings = SETTINGS | FILLING_SETTINGS
            self._client.indices.create(index=name, mappings=MAPPINGS, settings=settings, aliases={self._next: {}})

    def _change_over(self) -> None:
        """Search what was built, and keep of the others only the one that was searched so far."""
        live, written, built = self.live(), self._behind(self._write), self._behind(self._next)
        if built is None:
            raise IndexStateError("The index that was being built is gone. Start again.")
        usual = {name: SETTINGS[name] for name in FILLING_SETTINGS if name in SETTINGS}
        actions: list[dict[str, Any]] = [
            {"remove": {"index": built, "alias": self._next}},
            {"add": {"index": built, "alias": self._alias}},
            {"add": {"index": built, "alias": self._write}},
        ]
        if live is not None:
            actions.append({"remove": {"index": live, "alias": self._alias}})
        if written not in (None, built):
            actions.append({"remove": {"index": written, "alias": self._write}})
        with translated_errors():
            self._client.indices.put_settings(index=built, settings=usual)
            self._client.indices.refresh(index=built)
            self._client.indices.update_aliases(actions=actions)
        for name in self._ours():
            if name not in (live, built):
                self._delete(name)

    def _behind(self, alias: str) -> str | None:
        with translated_errors():
            if not self._client.indices.exists_alias(name=alias):
                return None
            ((name, _),) = self._client.indices.get_alias(name=alias).items()
            return str(name)

    def _is_being_filled(self, name: str) -> bool:
        """Return whether an index is still being filled for the first time."""
        filling = FILLING_SETTINGS["refresh_interval"]
        with translated_errors():
            found = self._client.indices.get_settings(index=name, flat_settings=True)
            return bool(found[name]["settings"]["index.refresh_interval"] == filling)

    def _ours(self) -> list[str]:
        """Return the names of all indices of this installation, the newest first."""
        name = re.compile(rf"{re.escape(self._alias)}-[0-9]+-[0-9a-f]{{{2 * _RANDOM_BYTES}}}")
        with translated_errors():
            found = self._client.indices.get_settings(index=f"{self._alias}-*")
            made = {
                each: int(found[each]["settings"]["index"]["creation_date"]) for each in found if name.fullmatch(each)
            }
        return sorted(made, key=lambda each: made[each], reverse=True)

    def _version(self, index: str) -> int:
        return int(self._meta(index)["version"])

    def _meta(self, index: str) -> dict[str, Any]:
        with translated_errors():
            ((_, found),) = self._client.indices.get_mapping(index=index).items()
            return dict(found["mappings"]["_meta"])

    def _delete(self, name: str) -> None:
        with translated_errors():
            self._client.indices.delete(index=name, ignore_unavailable=True)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Let one process of an installation build an index; the lock belongs to a connection and ends with it.

    Raises:
        IndexStateError: Another one does.
    """
    with database.read() as connection:
        if not connection.execute(select(func.pg_try_advisory_lock(_LOCK))).scalar_one():
            raise IndexStateError("Another process builds the search index now.")
        try:
            yield
        finally:
            connection.execute(select(func.pg_advisory_unlock(_LOCK)))
