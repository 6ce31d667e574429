"""The overlay for monitoring: its files are sound, and speak of the metrics that there are."""

import fnmatch
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from hcommon.metrics import Metric

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose" / "monitoring"
sys.path.append(str(ROOT / "tools"))
naming = import_module("statsd_mapping")

CATALOG: tuple[Metric, ...] = tuple(
    metric
    for service in ("web", "worker", "websocket", "indexer")
    for metric in import_module(f"h{service}.metrics").CATALOG
)
SERIES = {
    "counter": ("",),
    "gauge": ("",),
    "timer": ("_bucket", "_count", "_sum"),
}
EXISTING = {naming.prometheus_name(metric) + ending for metric in CATALOG for ending in SERIES[metric.kind]}
WITHOUT_ALERT: dict[str, str] = {}
"""Metrics that say when to act and have no alert, and why not."""


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def alerts() -> list[dict[str, Any]]:
    return [rule for group in loaded(FOLDER / "alerts.yml")["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "grafana/dashboards/h.json").read_text(encoding="utf-8"))
    return found


def queries() -> Iterator[str]:
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def series_in(expression: str) -> set[str]:
    return set(re.findall(r"\bh_[a-z_]+", expression))


class TestAlerts:
    @pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
    def test_speak_of_what_there_is_and_say_what_it_means(self, rule: dict[str, Any]) -> None:
        assert series_in(rule["expr"]) <= EXISTING
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]

    def test_there_is_one_for_everything_to_act_upon(self) -> None:
        watched = set().union(*(series_in(rule["expr"]) for rule in alerts()))
        blind = {
            metric.name
            for metric in CATALOG
            if metric.act and not watched & {naming.prometheus_name(metric) + end for end in SERIES[metric.kind]}
        }
        assert blind == set(WITHOUT_ALERT)

    def test_what_is_watched_says_what_to_do(self) -> None:
        watched = set().union(*(series_in(rule["expr"]) for rule in alerts()))
        told = {naming.prometheus_name(metric) + end for metric in CATALOG if metric.act for end in SERIES[metric.kind]}
        assert watched <= told

    @pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
    def test_prometheus_takes_them(self) -> None:
        subprocess.run(["promtool", "check", "config", FOLDER / "prometheus.yml"], check=True)


class TestDashboard:
    def test_asks_for_what_there_is(self) -> None:
        assert set().union(*map(series_in, queries())) <= EXISTING

    def test_shows_every_metric(self) -> None:
        shown = set().union(*map(series_in, queries()))
        hidden = {
            metric.name
            for metric in CATALOG
            if not shown & {naming.prometheus_name(metric) + end for end in SERIES[metric.kind]}
        }
        assert hidden == set()

    def test_its_source_is_the_one_that_is_provisioned(self) -> None:
        source = loaded(FOLDER / "grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
        asked = {panel["datasource"]["uid"] for panel in dashboard()["panels"] if "datasource" in panel}
        assert asked == {source["uid"]}

    def test_it_lies_where_it_is_looked_for(self) -> None:
        path = loaded(FOLDER / "grafana/provisioning/dashboards/h.yaml")["providers"][0]["options"]["path"]
        volumes = loaded(ROOT / "compose/monitoring.yaml")["services"]["grafana"]["volumes"]
        assert f"./monitoring/grafana/dashboards:{path}:ro" in volumes


class TestMapping:
    def test_gives_every_metric_its_name_and_labels(self) -> None:
        rules = loaded(FOLDER / "statsd-mapping.yml")["mappings"]
        for metric in CATALOG:
            sent = "h." + re.sub(r"\{\w+\}", "anything", metric.name)
            parts = sent.split(".")
            rule = next(
                rule
                for rule in rules
                if rule.get("match_type") == "regex"
                or (
                    len(rule["match"].split(".")) == len(parts)
                    and all(map(fnmatch.fnmatchcase, parts, rule["match"].split(".")))
                )
            )
            assert rule["name"] == naming.prometheus_name(metric)
            assert list(rule.get("labels", {})) == naming.labels(metric)
            assert ("ttl" in rule) == (metric.kind == "gauge")

    def test_no_two_metrics_share_a_name(self) -> None:
        names = [naming.prometheus_name(metric) for metric in CATALOG]
        assert len(set(names)) == len(names)

    def test_drops_what_is_not_ours(self) -> None:
        assert loaded(FOLDER / "statsd-mapping.yml")["mappings"][-1]["action"] == "drop"


class TestOverlay:
    def test_every_service_of_ours_sends_its_metrics_there(self) -> None:
        ours = loaded(ROOT / "compose/services.yaml")["services"]
        overlay = loaded(ROOT / "compose/monitoring.yaml")["services"]
        for service in ours:
            assert overlay[service]["environment"]["STATSD_HOST"] == "statsd"
        assert {"statsd", "prometheus", "grafana"} == set(overlay) - set(ours)

    def test_what_it_mounts_is_there(self) -> None:
        for service in loaded(ROOT / "compose/monitoring.yaml")["services"].values():
            for volume in service.get("volumes", ()):
                source = volume.split(":")[0]
                assert not source.startswith(".") or (ROOT / "compose" / source).exists()

    def test_its_images_have_a_version(self) -> None:
        for service in loaded(ROOT / "compose/monitoring.yaml")["services"].values():
            assert "image" not in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"])
