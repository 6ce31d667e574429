"""The wish to stop."""

import os
import signal
from collections.abc import Iterator

import pytest
from hstandalone.stopping import StopRequest, StopRequestedError


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class TestStopRequest:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_sets_it(self, number: signal.Signals) -> None:
        signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore some, nohup for one
        stop = StopRequest()
        stop.listen()
        stop.check()
        os.kill(os.getpid(), number)
        with pytest.raises(StopRequestedError):
            stop.check()

    def test_below_nohup_a_closed_terminal_stops_nothing(self) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        stop = StopRequest()
        stop.listen()
        os.kill(os.getpid(), signal.SIGHUP)
        stop.check()
