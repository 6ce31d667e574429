"""Annotation rows to the API's JSON.

One statement selects all that a response needs (`annotation_columns` from `annotation_source`), and each row becomes
one dict without a query, an ORM object or a permission evaluation of its own. Stored JSON goes into the response as
it is.

Source: specification of the API, section 1.5; the client's needs, section 2.6.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import FromClause, RowMapping, and_, case, exists, func, literal, or_, select
from sqlalchemy.sql.elements import Label

from hcommon.auth import Principal
from hcommon.authz import AnnotationFacts, ReaderClass, can_moderate, read_permission, reader_class, reader_id
from hcommon.ids import annotation_id_to_urlsafe, make_userid
from hcommon.models import Annotation, Document, DocumentURI, Flag, Group, User
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import ReadableBy
from hcommon.presentation.links import LinkSettings as LinkSettings
from hcommon.presentation.mention import mentions_column, present_mentions
from hcommon.uri import is_http


def annotation_source() -> FromClause:
    """Return the join that `annotation_columns` and `authz.readable_condition` select from."""
    return Annotation.__table__.join(Group.__table__, Group.id == Annotation.group_id).join(
        User.__table__, User.id == Annotation.user_id
    )


def annotation_columns(principal: Principal) -> list[Any]:
    """Return the columns of one annotation as this principal sees it."""
    return [
        Annotation.id,
        Annotation.created,
        Annotation.updated,
        Annotation.user_id,
        Annotation.group_id,
        Annotation.document_id,
        Annotation.text,
        Annotation.tags,
        Annotation.shared,
        Annotation.deleted,
        Annotation.references,
        Annotation.target_uri,
        Annotation.target_selectors,
        Annotation.target_description,
        Annotation.extra,
        Annotation.moderation_status,
        Annotation.revision,
        Annotation.sealed,
        Annotation.revealed_to_id,
        User.username,
        User.authority,
        User.display_name,
        User.nipsa,
        Group.pubid,
        Group.readable_by,
        _title,
        _web_uri,
        mentions_column,
        _flagged(principal),
        _flag_count(principal),
    ]


# Looked up for the rows of a page, after its limit; a join would do so for all that match.
_title = select(Document.title).where(Document.id == Annotation.document_id).scalar_subquery().label("document_title")
_has_web_uri = or_(Annotation.target_uri.like("http://%"), Annotation.target_uri.like("https://%"))
# Asked for files alone: a PDF that was opened from disk is shown in context at the address that others know it by.
_web_uri = case(
    (_has_web_uri, None),
    else_=select(DocumentURI.uri)
    .where(
        DocumentURI.document_id == Annotation.document_id,
        or_(DocumentURI.uri.like("http://%"), DocumentURI.uri.like("https://%")),
    )
    .order_by(DocumentURI.id)
    .limit(1)
    .scalar_subquery(),
).label("document_web_uri")


def _flagged(principal: Principal) -> Label[bool]:
    if principal.user_id is None:
        return literal(value=False).label("flagged")
    mine = and_(Flag.annotation_id == Annotation.id, Flag.user_id == reader_id(principal))
    return exists().where(mine).label("flagged")


def _flag_count(principal: Principal) -> Label[int]:
    if not principal.moderated_group_ids:
        return literal(0).label("flag_count")
    return select(func.count(Flag.id)).where(Flag.annotation_id == Annotation.id).scalar_subquery().label("flag_count")


def facts_of(row: RowMapping) -> AnnotationFacts:
    """Return what decides over the annotation of a row."""
    return AnnotationFacts(
        author_id=row["user_id"],
        group_id=row["group_id"],
        shared=row["shared"],
        deleted=row["deleted"],
        moderation_status=row["moderation_status"],
        world_readable=row["readable_by"] == ReadableBy.WORLD,
        author_nipsa=row["nipsa"],
        sealed=row["sealed"],
        revealed_to_id=row["revealed_to_id"],
    )


def present_all(rows: Iterable[RowMapping], *, principal: Principal, links: LinkSettings) -> list[dict[str, Any]]:
    """Return the JSON values of rows that the principal may see, in order; `orjson.dumps` encodes them."""
    presented = []
    for row in rows:
        facts = facts_of(row)
        reader = reader_class(principal, facts) or ReaderClass.OTHER
        moderates = can_moderate(principal, facts)
        presented.append(
            present(row, facts=facts, reader=reader, flagged=row["flagged"], links=links, moderates=moderates)
        )
    return presented


def present(
    row: RowMapping,
    *,
    facts: AnnotationFacts,
    reader: ReaderClass,
    flagged: bool,
    links: LinkSettings,
    moderates: bool | None = None,
) -> dict[str, Any]:
    """Return the JSON values of one annotation for one class of readers.

    Args:
        row: A row of `annotation_columns`.
        facts: `facts_of(row)`.
        reader: Who reads; a hidden annotation is blanked for `OTHER`.
        flagged: Whether the reader has flagged it.
        links: Where links lead.
        moderates: Whether the reader may judge it, which an author may too; None: moderators alone.
    """
    annotation_id = annotation_id_to_urlsafe(row["id"])
    userid = make_userid(row["username"], row["authority"])
    hidden = facts.hidden
    blank = hidden and reader is ReaderClass.OTHER
    moderator = reader is ReaderClass.MODERATOR if moderates is None else moderates
    author_only = [userid]
    target: dict[str, Any] = {"source": row["target_uri"]}
    if row["target_description"] is not None:
        target["description"] = row["target_description"]
    if row["target_selectors"] is not None:
        target["selector"] = orjson.Fragment(row["target_selectors"])
    values: dict[str, Any] = orjson.loads(row["extra"]) if row["extra"] is not None else {}
    values["id"] = annotation_id
    values["created"] = _timestamp(row["created"])
    values["updated"] = _timestamp(row["updated"])
    values["user"] = userid
    values["uri"] = row["target_uri"]
    values["text"] = "" if blank else row["text"]
    values["tags"] = [] if blank else row["tags"]
    values["group"] = row["pubid"]
    values["moderation_status"] = row["moderation_status"] or (ModerationStatus.APPROVED if facts.shared else None)
    values["permissions"] = {
        "read": [
            read_permission(
                author_userid=userid,
                group_pubid=row["pubid"],
                shared=facts.shared,
                # A shadow ban must not show here: the author is the only one who still sees the annotation.
                open_to_world=facts.world_readable and not hidden and not facts.sealed,
            )
        ],
        "admin": author_only,
        "update": author_only,
        "delete": author_only,
    }
    values["target"] = [target]
    values["document"] = {"title": [row["document_title"]]} if row["document_title"] else {}
    values["links"] = _links(row, annotation_id, links)
    values["actions"] = ["moderate"] if moderator else []
    values["mentions"] = [] if blank or row["mentions"] is None else present_mentions(row["mentions"], links=links)
    values["user_info"] = {"display_name": row["display_name"]}
    if row["references"]:
        values["references"] = [annotation_id_to_urlsafe(reference) for reference in row["references"]]
    values["flagged"] = flagged
    values["hidden"] = hidden and reader is not ReaderClass.AUTHOR
    if moderator:
        values["moderation"] = {"flagCount": row["flag_count"]}
    return values


def _links(row: RowMapping, annotation_id: str, links: LinkSettings) -> dict[str, str]:
    found = {"json": f"{links.app_url}/api/annotations/{annotation_id}"}
    if row["authority"] == links.authority:
        found["html"] = f"{links.app_url}/a/{annotation_id}"
    uri = row["document_web_uri"] or row["target_uri"]
    if links.bouncer_url and is_http(uri):
        root = annotation_id_to_urlsafe(row["references"][0]) if row["references"] else annotation_id
        found["incontext"] = f"{links.bouncer_url}/{root}/{quote(uri.partition('://')[2], safe='/:?&=#%')}"
    return found


def _timestamp(value: datetime) -> str:
    return value.isoformat(timespec="microseconds")
