"""The declared metrics."""

from hcommon.metrics import Metric
from hindexer import metrics


class TestCatalog:
    def test_holds_every_metric_once(self) -> None:
        declared = [value for value in vars(metrics).values() if isinstance(value, Metric)]
        assert sorted(metric.name for metric in metrics.CATALOG) == sorted(metric.name for metric in declared)

    def test_names_the_service_and_the_unit(self) -> None:
        for metric in metrics.CATALOG:
            assert metric.name.startswith("indexer.")
            assert (metric.kind == "timer") == (metric.unit == "milliseconds")
