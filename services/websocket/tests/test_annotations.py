"""Reading what an event is about, and the agreement of sockets with page reads on which pages are the same."""

from typing import Any

import pytest
from hcommon.auth import ANONYMOUS
from hcommon.db.engine import Database
from hcommon.documents.equivalence import equivalent_hashes
from hwebsocket.annotations import load
from hwebsocket.connection import Connection, Limits
from hwebsocket.filters import parse_filter
from hwebsocket.registry import Registry
from sqlalchemy import event


def is_heard(database: Database, annotation_id: Any, uri: str) -> bool:
    nothing: Any = None  # neither socket nor stream is used here
    limits = Limits(message_bytes=1, messages_per_second=1, queue_bytes=1)
    registry, one = Registry(), Connection(socket=nothing, stream=nothing, principal=ANONYMOUS, limits=limits)
    registry.add(one)
    clauses = [{"field": "/uri", "value": [uri]}]
    registry.subscribe(one, parse_filter({"match_policy": "include_any", "clauses": clauses, "actions": {}}))
    with database.read() as connection:
        return bool(registry.wanting(load(connection, [annotation_id])[annotation_id].subject))


class TestLoad:
    def test_takes_one_statement_whatever_the_number(self, world: Any) -> None:
        loaded = [world.annotation() for _ in range(5)]
        world.flag(loaded[0], world.user())
        statements: list[str] = []

        def note(*given: Any) -> None:
            statements.append(given[2])

        with world.database.read() as connection:
            event.listen(connection, "before_cursor_execute", note)
            found = load(connection, [annotation.id for annotation in loaded])
            event.remove(connection, "before_cursor_execute", note)
        assert found.keys() == {annotation.id for annotation in loaded}
        assert len(statements) == 1

    def test_of_many_claims_each_uri_counts_once(self, world: Any, new_page: Any) -> None:
        page, other = new_page(), new_page()
        document_id = world.document(page, other, canonical=(other,))
        annotation = world.annotation(target_uri=page, document_id=document_id, document_version=3)
        with world.database.read() as connection:
            subject = load(connection, [annotation.id])[annotation.id].subject
        assert len(subject.document_uri_hashes) == 2
        assert subject.canonical_uris == {other}
        assert subject.version == 3


class TestEquivalence:
    @pytest.mark.parametrize("made_at", ["page", "alternate", "canonical"])
    @pytest.mark.parametrize("asked", ["page", "page#", "alternate", "canonical", "canonical#", "elsewhere"])
    def test_is_the_same_as_for_page_reads(self, world: Any, new_page: Any, made_at: str, asked: str) -> None:
        uris = {name: f"{new_page()}/{name}" for name in ("page", "alternate", "canonical", "elsewhere")}
        document_id = world.document(uris["page"], uris["alternate"], canonical=(uris["canonical"],))
        annotation = world.annotation(target_uri=uris[made_at], document_id=document_id)
        uri = uris[asked.rstrip("#")] + ("#" if asked.endswith("#") else "")
        with world.database.read() as connection:
            expected = annotation.target_uri_hash in equivalent_hashes(connection, uris=[uri])
        assert is_heard(world.database, annotation.id, uri) is expected
