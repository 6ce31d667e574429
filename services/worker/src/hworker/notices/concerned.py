"""Whether an annotation can concern anybody but its author: asked about each, in one statement, as few do."""

from typing import NamedTuple
from uuid import UUID

from hcommon.db.prepared import prepared
from hcommon.models import Annotation, Mention
from sqlalchemy import Connection, bindparam, exists, func, select


class Concerned(NamedTuple):
    """Whom an annotation can concern: the author of what it replies to, and those whom it mentions."""

    is_reply: bool
    has_mentions: bool


_concerned = prepared(
    select(
        func.cardinality(Annotation.references) > 0,
        exists().where(Mention.annotation_id == Annotation.id),
    ).where(Annotation.id == bindparam("annotation_id"))
)


def concerned_by(connection: Connection, *, annotation_id: UUID) -> Concerned:
    """Return whom an annotation can concern; nobody if it is gone."""
    row = connection.execute(_concerned, {"annotation_id": annotation_id}).first()
    return Concerned(*row) if row else Concerned(is_reply=False, has_mentions=False)
