"""Reads a job: a command a line, each a pair of its name and its body."""

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from hcommon.ids import InvalidUseridError, split_userid

from hweb.accounts.schemas import USERNAME_RULE, username_problem
from hweb.annotations.checks import Checks
from hweb.bulk.errors import CommandSequenceError, InvalidDeclarationError, InvalidJSONError, SchemaValidationError
from hweb.bulk.schemas import (
    LONGEST_JOB,
    SHORTEST_JOB,
    Command,
    Configuration,
    GroupUpsert,
    Job,
    MembershipCreate,
    UserUpsert,
)
from hweb.groups.schemas import MAX_NAME, MIN_NAME
from hweb.users.schemas import MAX_DISPLAY_NAME, parse_identities

CONFIGURE: Final = "configure"
_MAX_ANCHOR: Final = 1_024
_PROVIDED_ID: Final = re.compile(r"[a-zA-Z0-9._\-+!~*()']{1,1024}")
_DEFAULTS: Final = {"create": {"on_duplicate": "continue"}, "upsert": {"merge_query": True}}
"""The only behaviours that there are; a job may say so or not."""


def parse_job(body: bytes, *, authority: str) -> Job:
    """Return the job that a body of lines makes.

    Args:
        body: One JSON value a line; empty lines do not count.
        authority: Whose users and groups alone it may speak of.

    Raises:
        BulkError: Naming the line that is wrong.
    """
    lines = _lines(body)
    number, name, values = next(lines, (0, "", {}))
    if name != CONFIGURE:
        raise CommandSequenceError("The first command must be configure.", line=number)
    configuration = _configuration(values, authority)
    commands = []
    for number, name, values in lines:
        if name == CONFIGURE:
            raise CommandSequenceError("Only the first command may be configure.", line=number)
        if number >= configuration.total:
            raise CommandSequenceError(f"There are more than the declared {configuration.total} commands.", line=number)
        commands.append(_command(name, values, authority=authority, line=number))
    if len(commands) + 1 != configuration.total:
        raise CommandSequenceError(f"There are {len(commands) + 1} commands, but {configuration.total} were declared.")
    return Job(configuration, tuple(commands))


def _lines(body: bytes) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Return number, name and body of each command."""
    number = 0
    for line in io.BytesIO(body):
        if not line.strip():
            continue
        try:
            pair = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise InvalidJSONError(f"The line is not valid JSON: {error}.", line=number) from error
        match pair:
            case [str(name), dict(values)]:
                yield number, name, values
            case _:
                raise SchemaValidationError("A command is an array of its name and an object.", line=number)
        number += 1


def _configuration(values: Mapping[str, Any], authority: str) -> Configuration:
    checks = _Line(0)
    view = values.get("view")
    if view not in (None, "basic"):
        checks.problem("view", "must be null or basic")
    effective = checks.required_text(_object(checks, values, "user"), "effective", path="user.effective")
    total = _object(checks, values, "instructions").get("total")
    if not isinstance(total, int) or isinstance(total, bool) or not SHORTEST_JOB <= total <= LONGEST_JOB:
        checks.problem("instructions.total", f"must be a number from {SHORTEST_JOB} to {LONGEST_JOB}")
        total = SHORTEST_JOB
    for place, item in enumerate(checks.sequence(values, "defaults", path="defaults") or ()):
        match item:
            case [str(name), str(), dict(settings)] if settings == _DEFAULTS.get(name):
                pass
            case _:
                checks.problem(f"defaults.{place}", "is no default that there is")
    checks.finish()
    try:
        of_authority = split_userid(effective)[1] == authority
    except InvalidUseridError as error:
        raise SchemaValidationError(f"user.effective: {error.reason}", line=0) from error
    if not of_authority:
        raise InvalidDeclarationError("The effective user is of another authority.", line=0)
    return Configuration(shows_ids=view is not None, effective_userid=effective, total=total)


def _command(name: str, values: Mapping[str, Any], *, authority: str, line: int) -> Command:
    checks = _Line(line)
    data = _object(checks, values, "data")
    kind = data.get("type")
    command: Command
    match name, kind:
        case "upsert", "user":
            command = _user(checks, data, authority)
        case "upsert", "group":
            command = _group(checks, data, authority)
        case "create", "group_membership":
            command = _membership(checks, data)
        case (("upsert" | "create"), str()):
            raise SchemaValidationError(f"data.type: {name} knows nothing of this type", line=line)
        case (("upsert" | "create"), _):
            checks.problem("data.type", "is required")
            checks.finish()
            raise AssertionError
        case _:
            raise SchemaValidationError(f"There is no command {name[:100]}.", line=line)
    checks.finish()
    return command


def _user(checks: "_Line", data: Mapping[str, Any], authority: str) -> UserUpsert:
    attributes, query, anchor = _upsert(checks, data, authority)
    username = checks.required_text(query, "username", path="data.meta.query.username")
    if username and username_problem(username):
        checks.problem("data.meta.query.username", USERNAME_RULE)
    display_name = None
    if attributes.get("display_name") is not None:
        display_name = checks.text(
            attributes, "display_name", path="data.attributes.display_name", longest=MAX_DISPLAY_NAME
        )
    if "identities" not in attributes:
        checks.problem("data.attributes.identities", "is required")
    identities = parse_identities(checks, attributes, path="data.attributes.identities")
    return UserUpsert(username, display_name, identities, anchor)


def _group(checks: "_Line", data: Mapping[str, Any], authority: str) -> GroupUpsert:
    attributes, query, anchor = _upsert(checks, data, authority)
    path = "data.meta.query.authority_provided_id"
    provided_id = checks.required_text(query, "authority_provided_id", path=path)
    if provided_id and _PROVIDED_ID.fullmatch(provided_id) is None:
        checks.problem(path, "has 1 to 1024 letters, digits and ._-+!~*()'")
    name = checks.required_text(attributes, "name", path="data.attributes.name")
    if name and (not MIN_NAME <= len(name) <= MAX_NAME or name != name.strip()):
        checks.problem("data.attributes.name", f"has {MIN_NAME} to {MAX_NAME} characters and no space around it")
    return GroupUpsert(provided_id, name, anchor)


def _membership(checks: "_Line", data: Mapping[str, Any]) -> MembershipCreate:
    relationships = _object(checks, data, "relationships", path="data.relationships")
    anchors = []
    for role, kind in (("member", "user"), ("group", "group")):
        path = f"data.relationships.{role}.data"
        related = _object(checks, _object(checks, relationships, role, path=path[:-5]), "data", path=path)
        if related.get("type") != kind:
            checks.problem(f"{path}.type", f"must be {kind}")
        reference = _object(checks, related, "id", path=f"{path}.id")
        anchors.append(checks.required_text(reference, "$ref", path=f"{path}.id.$ref"))
    return MembershipCreate(*anchors)


def _upsert(
    checks: "_Line", data: Mapping[str, Any], authority: str
) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    """Return attributes, query and anchor."""
    attributes = _object(checks, data, "attributes", path="data.attributes")
    meta = _object(checks, data, "meta", path="data.meta")
    query = _object(checks, meta, "query", path="data.meta.query")
    named = checks.required_text(query, "authority", path="data.meta.query.authority")
    if named and named != authority:
        checks.problem("data.meta.query.authority", "does not match that of the application")
    anchor = None
    if "$anchor" in meta:
        anchor = checks.text(meta, "$anchor", path="data.meta.$anchor", longest=_MAX_ANCHOR)
    return attributes, query, anchor


class _Line(Checks):
    """Collects the problems of one line."""

    def __init__(self, line: int) -> None:
        super().__init__(error=lambda reason: SchemaValidationError(reason, line=line))

    def required_text(self, values: Mapping[str, Any], key: str, *, path: str) -> str:
        """Return a string that must be there and not be empty, or an empty one for a problem noted."""
        text = self.text(values, key, path=path)
        if key not in values or text == "":
            self.problem(path, "is required")
        return text or ""


def _object(checks: Checks, values: Mapping[str, Any], key: str, *, path: str | None = None) -> dict[str, Any]:
    """Return an object that must be there, or an empty one for a problem noted."""
    if key not in values:
        checks.problem(path or key, "is required")
    return checks.mapping(values, key, path=path or key) or {}
