"""Writes the generated pages: settings, events, metrics, compose/.env.example and the mapping of the statsd exporter.

With `--check` nothing is written, and the exit status is 1 when a page is not what it should be, or any page names what
does not exist.
"""

import argparse
import sys
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import check_pages
from hcommon.events.catalog import EVENTS
from hcommon.metrics import Metric
from hcommon.settings import HSettings
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from statsd_mapping import mapping_page

ROOT = Path(__file__).parent.parent
SERVICES = ("web", "worker", "websocket", "indexer")
NOTE = "<!-- Written by `make docs`; edit the docstrings in the code instead. -->\n"


def main() -> int:
    """Write or check every page; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is out of date")
    check = parser.parse_args().check
    pages = {
        "docs/settings.md": settings_page(),
        "docs/events.md": events_page(),
        "docs/metrics.md": metrics_page(),
        "compose/.env.example": env_example(),
        "compose/monitoring/statsd-mapping.yml": mapping_page(chain.from_iterable(_catalogs().values())),
    }
    stale = [name for name, text in pages.items() if not _is_current(ROOT / name, text)]
    for name in stale:
        if check:
            print(f"{name} is out of date: run `make docs`.", file=sys.stderr)
        else:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(pages[name], encoding="utf-8")
            print(f"wrote {name}")
    wrong = check_pages.problems() if check else []
    for problem in wrong:
        print(problem, file=sys.stderr)
    return 1 if wrong or (check and stale) else 0


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def settings_by_name() -> dict[str, tuple[FieldInfo, list[str]]]:
    """Return every setting with the services that read it, by variable name."""
    found: dict[str, tuple[FieldInfo, list[str]]] = {}
    for service in SERVICES:
        settings_class: type[HSettings] = import_module(f"h{service}.settings").Settings
        for name, field in settings_class.model_fields.items():
            found.setdefault(name.upper(), (field, []))[1].append(service)
    return dict(sorted(found.items()))


def settings_page() -> str:
    """Return the table of settings."""
    lines = [
        "# Settings",
        "",
        NOTE,
        "Every setting is an environment variable. Precedence: the variable, `<NAME>_FILE` (a file that holds the",
        "value, for secrets), a docker link, the default. An empty variable counts as unset. A service that lacks a",
        "setting, or finds a wrong one, names all of them at once and exits with status 78.",
        "",
        "| variable | type | default | read by | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, (field, services) in settings_by_name().items():
        cells = (f"`{name}`", _type(field), _default(field), ", ".join(services), _cell(field.description))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def env_example() -> str:
    """Return an example of every setting, commented out."""
    lines = ["# Written by `make docs`. Every setting of h; what is commented out has the default shown."]
    for name, (field, _) in settings_by_name().items():
        lines += ["", *(f"# {line}" for line in str(field.description or "").splitlines())]
        example = field.examples[0] if field.examples else ""
        value = example if field.is_required() else _plain(field.get_default(call_default_factory=True)) or example
        lines.append(f"{'' if field.is_required() else '#'}{name}={value}")
    return "\n".join(lines) + "\n"


def events_page() -> str:
    """Return the table of events."""
    lines = ["# Events", "", NOTE]
    lines += [
        "Recorded in the transaction that made them happen, published by the relay, delivered at least once.",
        "Every event also carries `id`, `occurred_at`, `request_id` and `client_id`.",
        "",
        "| type | consumers | fields | when |",
        "| --- | --- | --- | --- |",
    ]
    envelope = {"id", "occurred_at", "request_id", "client_id"}
    for event in sorted(EVENTS, key=lambda item: item.TYPE):
        fields = ", ".join(f"`{name}`" for name in event.model_fields if name not in envelope)
        consumers = ", ".join(sorted(event.CONSUMERS))
        lines.append(f"| `{event.TYPE}` | {consumers} | {fields} | {_cell(event.__doc__)} |")
    return "\n".join(lines) + "\n"


def metrics_page() -> str:
    """Return the tables of metrics."""
    lines = ["# Metrics", "", NOTE]
    lines += [
        "Sent to statsd over UDP under `STATSD_PREFIX` when `STATSD_HOST` is set; placeholders in braces. Timers count",
        "too: the number of requests is that of `web.request`. A gauge of one process is what the process that",
        "reported last had. What has no word about acting explains the others. [Watch it](how-to/watch-it.md) brings",
        "all of it into Prometheus and Grafana, with an alert for everything below that a number can tell.",
        "",
    ]
    for service, catalog in _catalogs().items():
        lines += [f"## {service}", "", "| name | kind, unit | which number means what | when to act |"]
        lines.append("| --- | --- | --- | --- |")
        lines += [
            f"| `{metric.name}` | {metric.kind}, {metric.unit} | {_cell(metric.help)} | {_cell(metric.act)} |"
            for metric in sorted(catalog, key=lambda item: item.name)
        ]
        lines.append("")
    return "\n".join(lines)


def _catalogs() -> dict[str, tuple[Metric, ...]]:
    return {service: import_module(f"h{service}.metrics").CATALOG for service in SERVICES}


def _type(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    choices = [str(value) for value in get_args(annotation) if isinstance(value, str)]
    if choices:
        return " or ".join(f"`{choice}`" for choice in choices)
    names = [part.__name__ for part in (get_args(annotation) or (annotation,)) if hasattr(part, "__name__")]
    words = {
        "SecretStr": "secret",
        "str": "text",
        "int": "number",
        "bool": "yes or no",
        "float": "number",
        "Path": "path",
    }
    if getattr(annotation, "__origin__", None) is tuple:
        return "list"
    kinds = [words.get(name, name.lower()) for name in names if name != "NoneType"]
    return kinds[0] if kinds else "text"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = _plain(field.get_default(call_default_factory=True))
    return f"`{value}`" if value else ""


def _plain(value: Any) -> str:
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, SecretStr):
        return ""
    if isinstance(value, tuple):
        return " ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _cell(text: str | None) -> str:
    first = (text or "").split("\n\n")[0]
    return " ".join(first.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
