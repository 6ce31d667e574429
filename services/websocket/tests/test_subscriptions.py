"""The table of subscriptions."""

from hcommon.events import catalog
from hcommon.events.base import Consumer
from hwebsocket.subscriptions import OF_ANNOTATIONS, OF_SESSIONS


class TestSubscriptions:
    def test_are_what_the_catalogue_says(self) -> None:
        assert OF_ANNOTATIONS.keys() | OF_SESSIONS.keys() == catalog.consumed_by(Consumer.WEBSOCKET)
        assert OF_ANNOTATIONS.keys() & OF_SESSIONS.keys() == set()
