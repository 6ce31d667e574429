"""structlog for every service: constant snake_case events, JSON by default, standard-library logs included.

`request_id`, `event_id` and `task_id` are bound with `bound()` at the edge and appear in every line below it.
"""

import logging
import sys
from contextlib import AbstractContextManager
from typing import Literal

import structlog

LogFormat = Literal["json", "console"]


def configure(*, service: str, level: str = "INFO", log_format: LogFormat = "json") -> None:
    """Send structlog and standard-library logs to stderr in one format; call once, in main."""

    def add_service(_: object, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
        line["service"] = service
        return line

    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_service,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # A line a request to Elasticsearch; what fails there we log ourselves.
    logging.getLogger("elastic_transport").setLevel(logging.CRITICAL if level.upper() != "DEBUG" else logging.DEBUG)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def bound(**values: object) -> AbstractContextManager[None]:
    """Bind values to every line logged inside the `with` block, in this thread or task."""
    return structlog.contextvars.bound_contextvars(**values)
