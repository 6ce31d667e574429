"""The task that tells another application of its users' annotations which mention somebody.

It gets the annotation as the API shows it to its author, with what the application sent along as `metadata`, the text
as HTML and the quoted text. Only what others may see is sent: nothing private, hidden or of a shadow-banned author.
Source: specification of the API, section 7.4.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from celery import Celery
from hcommon.auth import ANONYMOUS
from hcommon.authz import ReaderClass
from hcommon.bus.publisher import BrokerUnavailableError
from hcommon.bus.topology import REDIS_SOCKET_TIMEOUT_SECONDS
from hcommon.events.annotations import AnnotationCreated, AnnotationEvent
from hcommon.logging import get_logger
from hcommon.models import Annotation
from hcommon.presentation.annotation import annotation_columns, annotation_source, facts_of, present
from hcommon.search.document import quotes_of
from kombu.exceptions import OperationalError
from sqlalchemy import Connection, RowMapping, select

from hworker.context import Context
from hworker.markdown import render
from hworker.settings import AuthorityQueue

EXPIRES: Final = timedelta(hours=24)

_log = get_logger(__name__)


def find(connection: Connection, context: Context, *, annotation_id: UUID) -> tuple[AuthorityQueue, RowMapping] | None:
    """Return the queue that is to be told of an annotation, and its row; None for nobody."""
    configured = context.settings.authority_queue_config
    if not configured:
        return None
    columns = [*annotation_columns(ANONYMOUS), Annotation.client_metadata]
    statement = select(*columns).select_from(annotation_source()).where(Annotation.id == annotation_id)
    row = connection.execute(statement).mappings().first()
    if row is None or row["mentions"] is None or row["authority"] not in configured:
        return None
    facts = facts_of(row)
    if facts.deleted or facts.hidden or facts.author_nipsa or not facts.shared:
        return None
    return configured[row["authority"]], row


def tell_authority(context: Context, *, event: AnnotationEvent) -> None:
    """Send the annotation to its authority's queue; an event that comes twice is sent twice, under one task id.

    Raises:
        BrokerUnavailableError: The queue's broker is away.
    """
    with context.database.read() as connection:
        found = find(connection, context, annotation_id=event.annotation_id)
    if found is None:
        return
    queue, row = found
    shown = present(row, facts=facts_of(row), reader=ReaderClass.AUTHOR, flagged=False, links=context.settings.links)
    annotation: dict[str, Any] = orjson.loads(orjson.dumps(shown))
    annotation["metadata"] = orjson.loads(row["client_metadata"] or "{}")
    annotation["text_rendered"] = render(annotation["text"])
    annotation["quote"] = "\n".join(quotes_of(row["target_selectors"]))
    action = "create" if isinstance(event, AnnotationCreated) else "update"
    url = queue.broker_url.get_secret_value()
    app = Celery("h-authority", set_as_current=False, broker=url, backend=None)
    app.conf.broker_connection_timeout = 5
    app.conf.broker_transport_options = (
        {"confirm_publish": True} if url.startswith("amqp") else {"socket_timeout": REDIS_SOCKET_TIMEOUT_SECONDS}
    )
    connection_errors = app.connection_for_write()
    try:
        app.send_task(
            queue.task_name,
            kwargs={"event": {"action": action, "annotation": annotation}},
            queue=queue.queue_name,
            task_id=str(event.id),
            expires=EXPIRES.total_seconds(),
            ignore_result=True,
            retry=False,
        )
    except (OperationalError, *connection_errors.connection_errors, *connection_errors.channel_errors) as error:
        raise BrokerUnavailableError("The broker of the authority is not available.") from error
    finally:
        app.close()
    _log.info("authority_told", authority=row["authority"], action=action)
