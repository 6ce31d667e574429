"""The table of handlers agrees with the catalogue of events."""

from hcommon.events import catalog
from hcommon.events.base import Consumer
from hworker.subscriptions import SUBSCRIPTIONS


class TestSubscriptions:
    def test_are_the_catalogues_events_that_name_the_worker(self) -> None:
        assert set(SUBSCRIPTIONS) == catalog.consumed_by(Consumer.WORKER)

    def test_handlers_are_named_after_their_events(self) -> None:
        for event, handler in SUBSCRIPTIONS.items():
            assert handler.__name__ == "on_" + event.TYPE.replace(".", "_")
