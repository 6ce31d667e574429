"""structlog for every service: constant snake_case events, JSON by default, standard-library logs included.

`request_id`, `event_id` and `task_id` are bound with `bound()` at the edge and appear in every line below it.
"""

import json
import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Literal

import orjson
import structlog

_NAME = "logger_name"  # structlog wants `logger` for itself

LogFormat = Literal["json", "console"]


def configure(*, service: str, level: str = "INFO", log_format: LogFormat = "json") -> None:
    """Send structlog and standard-library logs to stderr in one format; call once, in main."""

    def add_service(_: object, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
        line["service"] = service
        if _NAME in line:
            line["logger"] = line.pop(_NAME)
        return line

    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_service,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(serializer=_json)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    # Our own lines don't take the way through the standard library: a line a request would cost as much as its answer.
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_StandardError,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # A line a request to Elasticsearch; what fails there we log ourselves.
    logging.getLogger("elastic_transport").setLevel(logging.CRITICAL if level.upper() != "DEBUG" else logging.DEBUG)


class _StandardError:
    """Writes finished lines to what is standard error at the moment."""

    def __init__(self, *_: Any) -> None:
        """Take what structlog passes on; nothing of it is needed."""

    def msg(self, line: str) -> None:
        """Write one line at once, so that those of several threads stay apart; what can't be written is lost."""
        # The disk with the log may be full, and whoever waits for an answer shall not suffer from that.
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")

    debug = info = warning = error = critical = exception = msg


def _json(line: structlog.types.EventDict, default: Callable[[Any], Any]) -> str:
    try:
        return orjson.dumps(line, default=default).decode()
    except orjson.JSONEncodeError:
        # Text that is no Unicode, say: a line is never lost over what is in it.
        return json.dumps(line, default=default)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a module."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(**{_NAME: name})
    return logger


def current(name: str) -> str | None:
    """Return a value that `bound()` or the request's edge bound here, or None; an empty one counts as none."""
    value = structlog.contextvars.get_contextvars().get(name)
    return str(value) if value else None


def bound(**values: object) -> AbstractContextManager[None]:
    """Bind values to every line logged inside the `with` block, in this thread or task."""
    return structlog.contextvars.bound_contextvars(**values)
