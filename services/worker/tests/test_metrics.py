"""The declared metrics."""

from hcommon.metrics import Metric
from hworker import metrics


class TestCatalog:
    def test_holds_every_metric_once(self) -> None:
        declared = [value for value in vars(metrics).values() if isinstance(value, Metric)]
        assert sorted(metric.name for metric in metrics.CATALOG) == sorted(metric.name for metric in declared)
        assert len({metric.name for metric in metrics.CATALOG}) == len(metrics.CATALOG)

    def test_names_the_service_and_the_unit(self) -> None:
        for metric in metrics.CATALOG:
            assert metric.name.startswith("worker.")
            assert metric.unit
            assert (metric.kind == "timer") == (metric.unit == "milliseconds")
