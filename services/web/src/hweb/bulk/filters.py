"""Reads what listings and counts are asked for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from hcommon.errors import HError
from hcommon.ids import InvalidUseridError, is_valid_username, normalize_username, split_userid

from hweb.annotations.checks import Checks
from hweb.bulk.schemas import AnnotationsFilter, CountsFilter, GroupsFilter, Period
from hweb.search.dates import parse_date

MOST_ANNOTATIONS: Final = 1_000_000
MOST_NAMES: Final = 10_000
_LONGEST_NAME: Final = 1_024
_EARLIEST: Final = parse_date("1")


class InvalidFilterError(HError):
    """The filter is not of the form asked for."""


def annotations_filter(body: Mapping[str, Any]) -> AnnotationsFilter:
    """Return which annotations are to be listed.

    Raises:
        InvalidFilterError: Naming each field that is wrong.
    """
    checks = Checks(error=InvalidFilterError)
    values = _filter(checks, body)
    if "username" not in values:
        checks.problem("filter.username", "is required")
    username = checks.text(values, "username", path="filter.username")
    if username is not None and not is_valid_username(username):
        checks.problem("filter.username", "is no user name")
    limit = values.get("limit", MOST_ANNOTATIONS)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 <= limit <= MOST_ANNOTATIONS:
        checks.problem("filter.limit", f"must be a number from 0 to {MOST_ANNOTATIONS}")
    created = _period(checks, values, "created")
    checks.finish()
    return AnnotationsFilter(username or "", created, limit)


def groups_filter(body: Mapping[str, Any]) -> GroupsFilter:
    """Return which groups are to be looked at.

    Raises:
        InvalidFilterError: Naming each field that is wrong.
    """
    checks = Checks(error=InvalidFilterError)
    values = _filter(checks, body)
    groups = _names(checks, values, "groups", least=1)
    created = _period(checks, values, "annotations_created")
    checks.finish()
    return GroupsFilter(groups or (), created)


def counts_filter(body: Mapping[str, Any], *, authority: str) -> CountsFilter:
    """Return what is to be counted; users of other authorities are dropped from the filter, not from its being one.

    Raises:
        InvalidFilterError: Naming each field that is wrong.
    """
    checks = Checks(error=InvalidFilterError)
    by = body.get("group_by")
    if by not in ("assignment", "user"):
        checks.problem("group_by", "must be assignment or user")
    values = _filter(checks, body)
    groups = _names(checks, values, "groups", least=1)
    userids = _names(checks, values, "h_userids") if values.get("h_userids") is not None else None
    assignments = _names(checks, values, "assignment_ids") if values.get("assignment_ids") is not None else None
    checks.finish()  # what is no text could not be looked into
    usernames = None if userids is None else tuple(_username(checks, userid, authority) for userid in userids)
    checks.finish()
    known = None if usernames is None else tuple(name for name in usernames if name is not None)
    return CountsFilter(by == "user", groups or (), known, assignments)


def _username(checks: Checks, userid: str, authority: str) -> str | None:
    try:
        username, whose = split_userid(userid)
    except InvalidUseridError as error:
        checks.problem("filter.h_userids", error.reason)
        return None
    return normalize_username(username) if whose == authority else None


def _filter(checks: Checks, body: Mapping[str, Any]) -> dict[str, Any]:
    if "filter" not in body:
        checks.problem("filter", "is required")
    return checks.mapping(body, "filter", path="filter") or {}


def _names(checks: Checks, values: Mapping[str, Any], key: str, *, least: int = 0) -> tuple[str, ...] | None:
    path = f"filter.{key}"
    names = checks.texts(values, key, path=path, most=MOST_NAMES, longest=_LONGEST_NAME)
    if names is None and key not in values:
        checks.problem(path, "is required")
    elif names is not None and len(names) < least:
        checks.problem(path, f"must have at least {least} item")
    return tuple(names or ())


def _period(checks: Checks, values: Mapping[str, Any], key: str) -> Period:
    path = f"filter.{key}"
    if key not in values:
        checks.problem(path, "is required")
    bounds = checks.mapping(values, key, path=path) or {}
    return Period(_instant(checks, bounds, "gt", path), _instant(checks, bounds, "lte", path))


def _instant(checks: Checks, bounds: Mapping[str, Any], key: str, path: str) -> datetime:
    if key not in bounds:
        checks.problem(f"{path}.{key}", "is required")
    text = checks.text(bounds, key, path=f"{path}.{key}")
    try:
        return parse_date(text) if text is not None else _EARLIEST
    except ValueError:
        checks.problem(f"{path}.{key}", "must be an ISO 8601 date and time")
        return _EARLIEST
