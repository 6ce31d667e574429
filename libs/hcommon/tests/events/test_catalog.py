"""The closed catalogue of events."""

from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest
from hcommon.events import catalog
from hcommon.events.annotations import AnnotationCreated
from hcommon.events.base import Consumer, Event
from pydantic import ValidationError

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def all_subclasses(of: type[Event]) -> set[type[Event]]:
    return {leaf for child in of.__subclasses__() for leaf in ({child} | all_subclasses(child))}


class TestCatalog:
    def test_lists_every_event_there_is(self) -> None:
        concrete = {event for event in all_subclasses(Event) if "TYPE" in vars(event)}
        assert set(catalog.EVENTS) == concrete

    def test_types_are_unique(self) -> None:
        types = [event.TYPE for event in catalog.EVENTS]
        assert len(types) == len(set(types))

    def test_every_event_has_a_consumer(self) -> None:
        assert all(event.CONSUMERS for event in catalog.EVENTS)

    def test_tells_what_a_service_must_subscribe_to(self) -> None:
        assert AnnotationCreated in catalog.consumed_by(Consumer.INDEXER)


class TestDecode:
    def test_gives_back_what_was_encoded(self) -> None:
        event = AnnotationCreated(occurred_at=NOW, annotation_id=uuid4(), revision=1, request_id="r", client_id="c")
        assert catalog.decode(event.TYPE, orjson.loads(event.model_dump_json())) == event

    def test_ignores_fields_of_a_newer_release(self) -> None:
        event = AnnotationCreated(occurred_at=NOW, annotation_id=uuid4(), revision=1)
        newer = orjson.loads(event.model_dump_json()) | {"invented_later": True}
        assert catalog.decode(event.TYPE, newer) == event

    def test_knows_nothing_of_unknown_types(self) -> None:
        assert catalog.decode("annotation.invented_later", {}) is None

    def test_refuses_a_payload_of_another_event(self) -> None:
        with pytest.raises(ValidationError):
            catalog.decode("annotation.created", {"occurred_at": NOW.isoformat()})
