"""Who may try a backend that is in trouble."""

import threading

import pytest
from hcommon.search.backend import SearchUnavailableError
from hcommon.search.elasticsearch.gate import Gate


def fail(gate: Gate) -> None:
    with pytest.raises(SearchUnavailableError), gate.passage():
        raise SearchUnavailableError("away")


class TestGate:
    def test_everybody_passes_while_all_is_well(self) -> None:
        gate = Gate()
        with gate.passage(), gate.passage():
            pass

    def test_after_a_failure_one_at_a_time_tries(self) -> None:
        gate = Gate()
        fail(gate)
        with gate.passage():
            refused = []

            def another() -> None:
                try:
                    with gate.passage():
                        raise AssertionError
                except SearchUnavailableError as error:
                    refused.append(error)

            thread = threading.Thread(target=another)
            thread.start()
            thread.join()
            assert len(refused) == 1

    def test_after_a_success_everybody_passes_again(self) -> None:
        gate = Gate()
        fail(gate)
        fail(gate)
        with gate.passage():
            pass
        with gate.passage(), gate.passage():
            pass

    def test_other_errors_say_nothing_of_the_backend(self) -> None:
        gate = Gate()
        with pytest.raises(ZeroDivisionError), gate.passage():
            raise ZeroDivisionError
        with gate.passage(), gate.passage():
            pass
