"""Who may read what: one rule in four forms, and who may change or moderate.

The rule: an annotation is visible to its author; and, when it is shared and its author is not shadow-banned, to
whoever may read its group; but while it is hidden (a moderation status other than APPROVED), only to that group's
moderators. While it is sealed by a checkpoint, whoever may read its group sees it only as an instructor or as the one
whom an instructor answers. A deleted annotation is visible to nobody.

The forms are `can_read` (one annotation), `readable_condition` (SQL), `readable_filter` (Elasticsearch) and
`reader_class` (which sockets see which encoding). A property test over random worlds keeps them equal. Anything
unknown is refused.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, BindParameter, ColumnElement, and_, bindparam, false, func, or_, select

from hcommon.auth import Principal
from hcommon.models import Annotation, Group, User
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import MODERATING_ROLES, ReadableBy, Role, WriteableBy

PERMISSION_WORLD = "group:__world__"


class AnnotationFacts(NamedTuple):
    """What decides over one annotation; a tuple, since each row of a page makes one.

    Attributes:
        moderation_status: As stored; None means never judged.
        world_readable: Whether its group is readable by anybody.
        author_nipsa: Whether its author is shadow-banned.
        sealed: Whether a checkpoint keeps it from the group's ordinary readers.
        revealed_to_id: The one of those who sees it all the same, or None.
    """

    author_id: int
    group_id: int
    shared: bool
    deleted: bool
    moderation_status: str | None
    world_readable: bool
    author_nipsa: bool
    sealed: bool = False
    revealed_to_id: int | None = None

    @property
    def hidden(self) -> bool:
        """Return whether a moderation status hides it."""
        return self.moderation_status not in (None, ModerationStatus.APPROVED)


class ReaderClass(StrEnum):
    """Readers who see one encoding of an annotation."""

    AUTHOR = "author"
    MODERATOR = "moderator"
    OTHER = "other"


def can_read(principal: Principal, facts: AnnotationFacts) -> bool:
    """Return whether the principal may see the annotation (first form)."""
    if facts.deleted:
        return False
    return reader_class(principal, facts) is not None


def reader_class(principal: Principal, facts: AnnotationFacts) -> ReaderClass | None:
    """Return as what the principal sees the annotation, or None if not at all (fourth form).

    Deletion is not looked at: whoever could see an annotation is told that it is gone.
    """
    if principal.user_id == facts.author_id:
        return ReaderClass.AUTHOR
    if not facts.shared or facts.author_nipsa:
        return None
    role = principal.roles.get(facts.group_id)
    if role in MODERATING_ROLES:
        return ReaderClass.MODERATOR
    if facts.hidden or not (facts.world_readable or role is not None):
        return None
    if facts.sealed and facts.group_id not in principal.instructs and not _is_revealed_to(principal, facts):
        return None
    return ReaderClass.OTHER


def _is_revealed_to(principal: Principal, facts: AnnotationFacts) -> bool:
    return principal.user_id is not None and principal.user_id == facts.revealed_to_id


def readable_condition(principal: Principal) -> ColumnElement[bool]:
    """Return the rule as an SQL condition (second form).

    The statement joins `Annotation`, its `Group` and its author `User` under their own names.
    """
    visible: ColumnElement[bool] = and_(
        Annotation.moderation_status.is_(None) | (Annotation.moderation_status == ModerationStatus.APPROVED.value),
        or_(
            Group.readable_by == ReadableBy.WORLD.value,
            _is_among(Annotation.group_id, "reader_group_ids", principal.roles) if principal.roles else false(),
        ),
        or_(
            Annotation.sealed.is_(False),
            _is_among(Annotation.group_id, "reader_instructed_ids", principal.instructs)
            if principal.roles
            else false(),
            Annotation.revealed_to_id == reader_id(principal) if principal.user_id is not None else false(),
        ),
    )
    moderated = principal.moderated_group_ids
    if moderated:
        visible = or_(visible, _is_among(Annotation.group_id, "reader_moderated_ids", moderated))
    shared = and_(Annotation.shared, User.nipsa.is_(False), visible)
    own = Annotation.user_id == reader_id(principal) if principal.user_id is not None else false()
    return and_(Annotation.deleted.is_(False), or_(shared, own))


class ReaderShape(NamedTuple):
    """All that the text of `readable_condition` depends on; the rest of it are parameters."""

    known: bool
    member: bool
    moderator: bool


def reader_shape(principal: Principal) -> ReaderShape:
    """Return the shape of the principal's condition, for statements that are built once and kept."""
    return ReaderShape(
        known=principal.user_id is not None,
        member=bool(principal.roles),
        moderator=bool(principal.moderated_group_ids),
    )


def stand_in(shape: ReaderShape) -> Principal:
    """Return a principal of that shape who may read nothing of others, to build a statement that is kept.

    It is to be executed with `reader_parameters` of whoever asks; if those were forgotten, it would find what
    anonymous readers see.
    """
    role = Role.OWNER if shape.moderator else Role.MEMBER
    return Principal(user_id=-1 if shape.known else None, roles={-1: role} if shape.member else {})


def reader_parameters(principal: Principal) -> dict[str, Any]:
    """Return the parameters of `readable_condition` in a statement built for another principal of the same shape."""
    if principal.user_id is None:
        return {}
    return {
        "reader_id": principal.user_id,
        "reader_group_ids": list(principal.roles),
        "reader_moderated_ids": list(principal.moderated_group_ids),
        "reader_instructed_ids": list(principal.instructs),
    }


def reader_id(principal: Principal) -> BindParameter[int]:
    """Return the reader's user id as the parameter that `reader_parameters` sets."""
    return bindparam("reader_id", principal.user_id, BigInteger())


def _is_among(column: Any, name: str, ids: Iterable[int]) -> ColumnElement[bool]:
    # As a subquery PostgreSQL looks each row's group up in a hash table; an array it would go through from its start.
    among: ColumnElement[bool] = column.in_(select(func.unnest(bindparam(name, list(ids), ARRAY(BigInteger())))))
    return among


def readable_filter(principal: Principal) -> dict[str, Any]:
    """Return the rule as an Elasticsearch filter over search documents (third form).

    Deleted annotations have no document. Documents hold `user_id`, `group_id`, `shared`, `hidden`, `world`
    (group readable by anybody), `nipsa` (author shadow-banned), `sealed` and `revealed_to`.
    """
    readable: list[dict[str, Any]] = [{"term": {"world": True}}]
    if principal.roles:
        readable.append({"terms": {"group_id": sorted(principal.roles)}})
    unsealed: list[dict[str, Any]] = [{"bool": {"must_not": [{"term": {"sealed": True}}]}}]
    if principal.instructs:
        unsealed.append({"terms": {"group_id": sorted(principal.instructs)}})
    if principal.user_id is not None:
        unsealed.append({"term": {"revealed_to": principal.user_id}})
    visible: list[dict[str, Any]] = [
        {"bool": {"filter": [{"term": {"hidden": False}}, _any(readable), _any(unsealed)]}},
    ]
    moderated = principal.moderated_group_ids
    if moderated:
        visible.append({"terms": {"group_id": sorted(moderated)}})
    shared = {"bool": {"filter": [{"term": {"shared": True}}, {"term": {"nipsa": False}}, _any(visible)]}}
    if principal.user_id is None:
        return shared
    return _any([shared, {"term": {"user_id": principal.user_id}}])


def group_readable_condition(principal: Principal) -> ColumnElement[bool]:
    """Return which rows of `Group` the principal may know of; a client knows all groups of its authority."""
    known: list[ColumnElement[bool]] = [Group.readable_by == ReadableBy.WORLD.value]
    if principal.roles:
        known.append(_is_among(Group.id, "reader_group_ids", principal.roles))
    if principal.client is not None:
        known.append(Group.authority == principal.client.authority)
    return and_(Group.deleted.is_(False), or_(*known))


def can_write(principal: Principal, *, group_id: int, group_authority: str, writeable_by: str) -> bool:
    """Return whether the principal may annotate in a group."""
    if principal.user_id is None:
        return False
    if writeable_by == WriteableBy.AUTHORITY:
        return principal.authority == group_authority
    return group_id in principal.roles


def can_moderate(principal: Principal, facts: AnnotationFacts) -> bool:
    """Return whether the principal may judge the annotation: shared, not deleted, in a group it moderates."""
    return facts.shared and not facts.deleted and principal.roles.get(facts.group_id) in MODERATING_ROLES


def read_permission(*, author_userid: str, group_pubid: str, shared: bool, open_to_world: bool) -> str:
    """Return the one entry of `permissions.read`.

    Args:
        author_userid: The author.
        group_pubid: The group's API id.
        shared: Whether others may see it at all.
        open_to_world: Whether an anonymous reader could see it now.
    """
    if not shared:
        return author_userid
    return PERMISSION_WORLD if open_to_world else f"group:{group_pubid}"


def _any(clauses: list[dict[str, Any]]) -> dict[str, Any]:
    return {"bool": {"should": clauses, "minimum_should_match": 1}}
