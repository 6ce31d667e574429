"""The table of subscriptions agrees with the catalogue of events."""

from hcommon.events import catalog
from hcommon.events.base import Consumer
from hindexer.subscriptions import SUBSCRIPTIONS


class TestSubscriptions:
    def test_are_the_catalogues_events_that_name_the_indexer(self) -> None:
        assert set(SUBSCRIPTIONS) == catalog.consumed_by(Consumer.INDEXER)
