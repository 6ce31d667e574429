"""Hide and reveal: until a checkpoint is revealed, the members of a course see only what they wrote themselves.

A checkpoint is a page in a group. While it is not revealed, annotations of that page in that group are sealed, but for
the top-level notes of instructors; an instructor's reply is revealed to the one whom it answers. Instructors and the
group's moderators see everything. What that means for readers is part of the one rule in `authz`; here it is written to
the annotations' own rows, so that reading costs nothing.
Source: specification of the API, section 2.8.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hcommon import outbox
from hcommon.events.annotations import AnnotationsRevised

_RESEAL = text("""
    WITH sealing AS (
        SELECT group_id, uri_hash FROM checkpoint WHERE group_id = ANY(:group_ids) AND reveal_date IS NULL
    ), page AS (
        SELECT sealing.group_id, edge.document_id FROM sealing JOIN document_uri AS edge USING (uri_hash)
    ), instructor AS (
        SELECT group_id, user_id FROM group_membership
        WHERE group_id = ANY(:group_ids) AND lms_role = 'lms_instructor'
    ), seen AS (
        SELECT
            id, cardinality("references") > 0 AS is_reply, "references"[cardinality("references")] AS parent_id,
            (group_id, document_id) IN (SELECT group_id, document_id FROM page)
                OR (group_id, target_uri_hash) IN (SELECT group_id, uri_hash FROM sealing) AS is_of_page,
            (group_id, user_id) IN (SELECT group_id, user_id FROM instructor) AS is_instructors
        FROM annotation
        WHERE group_id = ANY(:group_ids) AND NOT deleted
            AND (CAST(:document_id AS bigint) IS NULL OR document_id = :document_id)
    ), judged AS (
        SELECT id, is_of_page AND NOT (is_instructors AND NOT is_reply) AS sealed, CASE
            WHEN is_of_page AND is_instructors AND is_reply
            THEN (SELECT parent.user_id FROM annotation AS parent WHERE parent.id = seen.parent_id)
        END AS revealed_to_id
        FROM seen
    )
    UPDATE annotation SET
        sealed = judged.sealed,
        revealed_to_id = judged.revealed_to_id,
        revision = revision + CASE WHEN annotation.id = CAST(:fresh_id AS uuid) THEN 0 ELSE 1 END
    FROM judged
    WHERE annotation.id = judged.id AND (
        annotation.sealed <> judged.sealed OR annotation.revealed_to_id IS DISTINCT FROM judged.revealed_to_id
    )
    RETURNING annotation.id
""")

_CHUNK = 500


def reseal(
    session: Session,
    *,
    group_ids: Collection[int],
    now: datetime,
    document_id: int | None = None,
    fresh_id: UUID | None = None,
) -> None:
    """Seal and unseal what has to be in some groups, in one statement, and have the index told of it.

    Args:
        session: The caller's transaction.
        group_ids: The groups.
        now: When.
        document_id: The one document that is looked at; None for all.
        fresh_id: An annotation that was just written: its revision is raised, and its event recorded, by the caller.
    """
    if not group_ids:
        return
    values = {"group_ids": sorted(group_ids), "document_id": document_id, "fresh_id": fresh_id}
    ids = sorted(key for key in session.scalars(_RESEAL, values) if key != fresh_id)
    outbox.record_all(
        session,
        [
            AnnotationsRevised(occurred_at=now, annotation_ids=tuple(ids[start : start + _CHUNK]))
            for start in range(0, len(ids), _CHUNK)
        ],
    )
