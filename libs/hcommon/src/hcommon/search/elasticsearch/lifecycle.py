"""The index as a whole: made, built anew while everything runs, and the one before kept.

The alias names the index that is searched and written. While another one is built it has a second alias,
`<alias>-next`, which the indexer writes too; filling it reads every row from PostgreSQL, and revisions sort out who was
first. When it is complete both aliases change at the same moment. The index before stays until the next time, so that
`restore_previous` can go back to it.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from elasticsearch import Elasticsearch

from hcommon.db.engine import Database
from hcommon.errors import ErrorKind, HError
from hcommon.search import reindex
from hcommon.search.elasticsearch.client import translated_errors
from hcommon.search.elasticsearch.mapping import FILLING_SETTINGS, MAPPING_VERSION, MAPPINGS, SETTINGS
from hcommon.search.elasticsearch.writer import ElasticsearchWriter
from hcommon.search.reindex import Progress

_RANDOM_BYTES: Final = 4
_SECONDS: Final = 60
"""What changes an index as a whole may take this long, whatever the limit for a batch is."""


class IndexStateError(HError):
    """What is asked for needs an index that is not there, or the alias's name is taken."""

    kind = ErrorKind.CONFLICT


def next_alias(alias: str) -> str:
    """Return the alias of the index that is being built."""
    return f"{alias}-next"


class SearchIndex:
    """The indices of one installation."""

    def __init__(self, client: Elasticsearch, *, alias: str) -> None:
        self._client = client.options(request_timeout=_SECONDS)
        self._writing_client = client
        self._alias = alias
        self._next = next_alias(alias)

    def writer(self) -> ElasticsearchWriter:
        """Return what keeps the index, and the one that is being built, up to date."""
        return ElasticsearchWriter(self._writing_client, index=self._alias, mirror=self._next)

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
        with translated_errors():
            if not self._client.indices.exists_alias(name=self._alias):
                return None
            found = self._client.indices.get_mapping(index=self._alias)
            ((_, index),) = found.items()
            return int(index["mappings"]["_meta"]["version"])

    def is_current(self) -> bool:
        """Return whether the index that is searched has the mapping of this release.

        Raises:
            IndexUnavailableError: Elasticsearch is away.
        """
        return self.mapping_version() == MAPPING_VERSION

    def rebuild(
        self, database: Database, *, after: UUID | None = None, on_progress: Callable[[Progress], None] | None = None
    ) -> int:
        """Build the index anew, while all goes on, and then search it; return the number of documents written.

        Args:
            database: Where the annotations are.
            after: The last id of a run that was interrupted, to go on with it; None to begin.
            on_progress: Called after every batch.

        Raises:
            IndexStateError: There is no run to go on with, or an index has the alias's name.
            UnavailableError: PostgreSQL or Elasticsearch is away; the run can go on from the last progress.
        """
        building = self._behind(self._next)
        if after is None:
            if building:
                self._delete(building)
            self._create()
        elif building is None:
            raise IndexStateError("There is no interrupted run to go on with. Start again, without --after.")
        written = reindex.reindex(database, self._filler(), after=after, on_progress=on_progress)
        self._change_over()
        return written

    def restore_previous(self, database: Database) -> int:
        """Bring the index before up to date and search it again; return how many documents it lacked.

        Raises:
            IndexStateError: There is none, or a new index is being built.
            UnavailableError: PostgreSQL or Elasticsearch is away; it can be done again.
        """
        live = self.live()
        earlier = [name for name in self._ours() if name != live]
        if not earlier:
            raise IndexStateError("There is no index before this one.")
        if self._is_being_filled(earlier[0]):
            raise IndexStateError("A new index is being built. End that first, with: h search reindex")
        with translated_errors():
            self._client.indices.put_alias(index=earlier[0], name=self._next)
        repaired = reindex.repair(database, self._filler())
        self._change_over()
        return repaired

    def _filler(self) -> ElasticsearchWriter:
        return ElasticsearchWriter(self._writing_client, index=self._next)

    def _create(self) -> None:
        name = f"{self._alias}-{MAPPING_VERSION}-{secrets.token_hex(_RANDOM_BYTES)}"
        with translated_errors():
            for alias in (self._alias, self._next):
                taken = self._client.indices.exists(index=alias)
                if taken and not self._client.indices.exists_alias(name=alias):
                    raise IndexStateError(
                        f"Elasticsearch has an index called {alias}, where an alias belongs: remove it."
                    )
            settings = SETTINGS | FILLING_SETTINGS
            self._client.indices.create(index=name, mappings=MAPPINGS, settings=settings, aliases={self._next: {}})

    def _change_over(self) -> None:
        """Search what was built, and keep of the others only the one that was searched so far."""
        live, built = self.live(), self._behind(self._next)
        if built is None:
            raise IndexStateError("The index that was being built is gone. Start again.")
        usual = {name: SETTINGS[name] for name in FILLING_SETTINGS if name in SETTINGS}
        actions: list[dict[str, Any]] = [
            {"remove": {"index": built, "alias": self._next}},
            {"add": {"index": built, "alias": self._alias}},
        ]
        if live is not None:
            actions.append({"remove": {"index": live, "alias": self._alias}})
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

    def _delete(self, name: str) -> None:
        with translated_errors():
            self._client.indices.delete(index=name, ignore_unavailable=True)
