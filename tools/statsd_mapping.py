"""How the metrics are called in Prometheus, and the mapping that tells the statsd exporter.

`web.request.{route}.{status}`, a timer, becomes the histogram `h_web_request_seconds` with the labels `route` and
`status`; a counter ends in `_total`; a gauge keeps its name. Without this mapping every route would be a metric of
its own. `make docs` writes the mapping from the declarations.
"""

import re
from collections.abc import Iterable

from hcommon.metrics import Metric

PREFIX = "h"
"""`STATSD_PREFIX` as it is unless set."""

GAUGE_TTL = "3m"
"""How long a gauge is believed after its last report; they are sent every 10 seconds to every minute."""

BUCKETS = "0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60"

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_ENDINGS = {"timer": "_seconds", "counter": "_total", "gauge": ""}


def prometheus_name(metric: Metric) -> str:
    """Return what the metric is called in Prometheus; the exporter turns timers into seconds."""
    parts = [part for part in metric.name.split(".") if not _PLACEHOLDER.fullmatch(part)]
    return "_".join([PREFIX, *parts]) + _ENDINGS[metric.kind]


def labels(metric: Metric) -> list[str]:
    """Return the names of its labels, in the order of its placeholders."""
    return _PLACEHOLDER.findall(metric.name)


def mapping_page(catalog: Iterable[Metric]) -> str:
    """Return the exporter's configuration; what h does not declare is dropped."""
    lines = [
        "# Written by `make docs` from the declared metrics: their names in statsd to names and labels in Prometheus.",
        "defaults:",
        "  observer_type: histogram",
        f"  histogram_options: {{buckets: [{BUCKETS}]}}",
        "mappings:",
    ]
    for metric in sorted(catalog, key=lambda item: item.name):
        pattern = _PLACEHOLDER.sub("*", metric.name)
        lines += [f'  - match: "{PREFIX}.{pattern}"', f"    name: {prometheus_name(metric)}"]
        taken = [f'{name}: "${number}"' for number, name in enumerate(labels(metric), start=1)]
        if taken:
            lines.append(f"    labels: {{{', '.join(taken)}}}")
        if metric.kind == "gauge":
            lines.append(f"    ttl: {GAUGE_TTL}")
    lines += ['  - match: "."', "    match_type: regex", "    action: drop", "    name: dropped"]
    return "\n".join(lines) + "\n"
