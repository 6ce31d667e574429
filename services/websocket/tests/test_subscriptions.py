"""The table of subscriptions."""

from hcommon.events import catalog
from hcommon.events.base import Consumer
from hwebsocket.subscriptions import SUBSCRIPTIONS


class TestSubscriptions:
    def test_are_what_the_catalogue_says(self) -> None:
        assert set(SUBSCRIPTIONS) == catalog.consumed_by(Consumer.WEBSOCKET)
