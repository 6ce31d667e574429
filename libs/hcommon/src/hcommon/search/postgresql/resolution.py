"""From what a search names to keys: URIs to the hashes of all that is the same page, groups and users to their ids.

This is a statement of its own before the others, because PostgreSQL plans those far better when it knows the keys: the
public group has most annotations, one page few.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, Text, and_, any_, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import aliased

from hcommon.auth import ANONYMOUS, Principal
from hcommon.authz import ReaderShape, group_readable_condition, reader_parameters, reader_shape, stand_in
from hcommon.db.prepared import prepared
from hcommon.ids import InvalidGroupidError, split_groupid
from hcommon.models import DocumentURI, Group, User
from hcommon.search.postgresql.parameters import Values, array
from hcommon.search.query import SearchQuery, UserTerm
from hcommon.uri import VersionedURI, normalize, uri_hash
from hcommon.uri.version import UNVERSIONED

Versions = frozenset[int] | None
"""Versions of a document that are asked for; None for all."""


def resolve(connection: Connection, query: SearchQuery, principal: Principal) -> Values | None:
    """Return the keys of the pages, groups and users of a search, as parameters of `conditions`.

    A group that the principal may not read counts as unknown: even what they wrote there, before they left it or it was
    deleted, is not found under its name.

    Args:
        connection: A connection.
        query: The search.
        principal: Who searches.

    Returns:
        None if it asks for groups or for users of which none is known: nothing can match.

    Raises:
        InvalidURIError: A URI of the search cannot be one.
    """
    pages = _by_versions(query.uris)
    asked = _page_values(pages) | _group_values(query.groups) | _user_values(query.users)
    if not asked:
        return {}
    reader = reader_shape(principal if query.groups else ANONYMOUS)
    statement = _statement(frozenset(asked), reader)
    found = connection.execute(statement, asked | reader_parameters(principal)).mappings().one()
    keys: Values = {}
    for number, versions in enumerate(pages):
        hashes: set[UUID] = {*asked[f"hashes_{number}"], *found[f"hashes_{number}"]}
        keys[f"hashes_{number}"] = list(hashes)
        keys |= _version_values(number, versions)
    for one, several in (("group_id", "group_ids"), ("user_id", "user_ids")):
        ids = found.get(several)
        if ids == []:
            return None
        if ids:
            keys |= {one: ids[0]} if len(ids) == 1 else {several: ids}
    return keys


@lru_cache(maxsize=64)
def _statement(names: frozenset[str], reader: ReaderShape) -> Select[Any]:
    columns: list[Any] = []
    number = 0
    while f"uris_{number}" in names:
        columns.append(func.array(_equivalent(number)).label(f"hashes_{number}"))
        number += 1
    named = []
    if "pubids" in names:
        named.append(Group.pubid == any_(array("pubids", Text())))
    if "group_own_ids" in names:
        pair = tuple_(Group.authority_provided_id, Group.authority)
        named.append(pair.in_(_pairs("group_own_ids", "group_authorities")))
    if named:
        readable = group_readable_condition(stand_in(reader))
        columns.append(func.array(select(Group.id).where(or_(*named), readable).scalar_subquery()).label("group_ids"))
    named = []
    if "names_anywhere" in names:
        named.append(User.username_normalized == any_(array("names_anywhere", Text())))
    if "usernames" in names:
        named.append(tuple_(User.username_normalized, User.authority).in_(_pairs("usernames", "user_authorities")))
    if named:
        columns.append(func.array(select(User.id).where(or_(*named)).scalar_subquery()).label("user_ids"))
    return prepared(select(*columns))


def _equivalent(number: int) -> Any:
    """Return the hashes of all URIs of the documents that know one of the URIs.

    A URI that a page claims as its canonical one, in exactly this spelling, stands for itself alone.

    Source: specification of the API, section 4.3.
    """
    hashes, uris = array(f"hashes_{number}", PG_UUID()), array(f"uris_{number}", Text())
    asked = func.unnest(hashes, uris).table_valued("hash", "uri", name="asked").render_derived()
    known = aliased(DocumentURI, name="known")
    documents = (
        select(known.document_id)
        .join_from(asked, known, known.uri_hash == asked.c.hash)
        .group_by(asked.c.uri, known.document_id)
        .having(~func.bool_or(and_(known.type == "rel-canonical", known.uri == asked.c.uri)))
    )
    return select(DocumentURI.uri_hash).where(DocumentURI.document_id.in_(documents)).scalar_subquery()


def _pairs(first: str, second: str) -> Select[Any]:
    unnested = func.unnest(array(first, Text()), array(second, Text()))
    return select(unnested.table_valued("first", "second", name=f"named_{first}").render_derived())


def _by_versions(uris: Sequence[VersionedURI]) -> dict[Versions, list[str]]:
    """Return the URIs for each set of versions that is asked for: one, as a rule."""
    found: dict[Versions, list[str]] = defaultdict(list)
    for uri in uris:
        found[None if uri.all_versions else uri.versions].append(uri.uri)
    return found


def _page_values(pages: Mapping[Versions, list[str]]) -> Values:
    found: Values = {}
    for number, uris in enumerate(pages.values()):
        found[f"uris_{number}"] = uris
        found[f"hashes_{number}"] = [uri_hash(normalize(uri)) for uri in uris]
    return found


def _version_values(number: int, versions: Versions) -> Values:
    if versions is None:
        return {}
    if versions == frozenset({UNVERSIONED}):
        return {f"unversioned_{number}": True}
    return {f"versions_{number}": list(versions)}


def _group_values(groups: Sequence[str]) -> Values:
    pubids = []
    pairs = []
    for group in groups:
        try:
            pairs.append(split_groupid(group))
        except InvalidGroupidError:
            pubids.append(group)
    found: Values = {"pubids": pubids} if pubids else {}
    if pairs:
        found |= {"group_own_ids": [own_id for own_id, _ in pairs], "group_authorities": [name for _, name in pairs]}
    return found


def _user_values(users: Sequence[UserTerm]) -> Values:
    anywhere = [user.username_normalized for user in users if user.authority is None]
    somewhere = [user for user in users if user.authority is not None]
    found: Values = {"names_anywhere": anywhere} if anywhere else {}
    if somewhere:
        found["usernames"] = [user.username_normalized for user in somewhere]
        found["user_authorities"] = [user.authority for user in somewhere]
    return found
