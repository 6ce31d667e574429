"""What applications ask of checkpoints, with every rule about its form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NamedTuple, NotRequired
from uuid import UUID

from hcommon import uri as uris
from hcommon.errors import HError
from hcommon.ids import is_valid_username
from hcommon.models.group import LMSRole
from pydantic import Field
from typing_extensions import TypedDict

from hweb.annotations.checks import Checks

MOST_CHECKPOINTS: Final = 100
LONGEST_URI: Final = 65_536
_LONGEST_ID: Final = 1_024
_ROLES: Final = {"instructor": LMSRole.INSTRUCTOR, "student": LMSRole.STUDENT}


class InvalidCheckpointError(HError):
    """The checkpoints are not of the form asked for."""


class Place(NamedTuple):
    """A page in a group, as the application names them."""

    group_provided_id: str
    document_uri: str

    @property
    def uri_hash(self) -> UUID:
        """Return the hash of the page's normal form."""
        return uris.uri_hash(uris.normalize(self.document_uri))


@dataclass(frozen=True, slots=True)
class Course:
    """What an application says of a course.

    Attributes:
        username: Whose role it tells; None for nobody's.
    """

    places: tuple[Place, ...]
    username: str | None = None
    role: LMSRole | None = None


def parse(body: Mapping[str, Any]) -> Course:
    """Return what a request body asks for; an empty `user` counts as none.

    Raises:
        InvalidCheckpointError: Naming each field that is wrong.
    """
    checks = Checks(error=InvalidCheckpointError)
    items = body.get("checkpoints")
    if not items:
        checks.problem("checkpoints", "must have an item at least")
    places = []
    for path, item in checks.objects(body, "checkpoints", path="checkpoints", longest=MOST_CHECKPOINTS):
        for name in ("group_authority_provided_id", "document_uri"):
            if not item.get(name):
                checks.problem(f"{path}.{name}", "is required")
        group = checks.text(
            item, "group_authority_provided_id", path=f"{path}.group_authority_provided_id", longest=_LONGEST_ID
        )
        uri = checks.text(item, "document_uri", path=f"{path}.document_uri", longest=LONGEST_URI)
        places.append(Place(group or "", uri or ""))
    user = checks.mapping(body, "user", path="user") if body.get("user") is not None else None
    username, role = _user(checks, user) if user else (None, None)
    checks.finish()
    return Course(tuple(places), username, role)


def _user(checks: Checks, user: Mapping[str, Any]) -> tuple[str | None, LMSRole | None]:
    username = user.get("username")
    if not isinstance(username, str) or not is_valid_username(username):
        checks.problem("user.username", "must be a user name")
    role = user.get("role")
    if role not in _ROLES:
        checks.problem("user.role", "must be instructor or student")
        return None, None
    return username, _ROLES[role]


class CheckpointPlace(TypedDict):
    """A page in a group."""

    group_authority_provided_id: Annotated[str, Field(min_length=1, max_length=_LONGEST_ID)]
    document_uri: Annotated[str, Field(min_length=1, max_length=LONGEST_URI)]


class CourseRole(TypedDict, total=False):
    """What a user is in the course: both, or neither."""

    username: str
    role: Literal["instructor", "student"]


class CheckpointRequest(TypedDict):
    """Which checkpoints are meant, and what a user is in their course."""

    checkpoints: Annotated[list[CheckpointPlace], Field(min_length=1, max_length=MOST_CHECKPOINTS)]
    user: NotRequired[CourseRole | None]


class RevealedCheckpoint(TypedDict):
    """What is known of a checkpoint."""

    group_authority_provided_id: str
    document_uri: str
    revealed: bool
    reveal_date: str | None


class Checkpoint(RevealedCheckpoint):
    """What is known of a checkpoint, and whether there is one."""

    created: bool
