"""Annotations as the API takes and gives them, for its description; `schemas` reads them, `presentation` makes them.

Source: specification of the API, sections 1.5 to 1.9.
"""

from typing import Annotated, Any, Literal, NotRequired

from hcommon.models.annotation import ModerationStatus
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from hweb.annotations import schemas

_OPEN = with_config(ConfigDict(extra="allow"))

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Principal = Annotated[str, Field(pattern=r"^(acct:|group:).+")]
Principals = Annotated[list[Principal], Field(max_length=schemas.MAX_PERMISSIONS)]


@_OPEN
class Selector(TypedDict):
    """One way to find a place in a document; further keys go with its type."""

    type: str


class Target(TypedDict):
    """The annotated part of the document."""

    source: str
    description: NotRequired[str]
    selector: NotRequired[list[Selector]]


class Permissions(TypedDict):
    """Who may do what; shared is what `group:…` may read."""

    read: list[str]
    admin: list[str]
    update: list[str]
    delete: list[str]


class AnnotatedDocument(TypedDict):
    """What is known of the document."""

    title: NotRequired[list[str]]


class AnnotationLinks(TypedDict):
    """Where to see the annotation."""

    json: str
    html: NotRequired[str]
    incontext: NotRequired[str]


class Mention(TypedDict):
    """Somebody whom the text mentions."""

    userid: str
    original_userid: str
    username: str
    display_name: str | None
    link: str | None
    description: str | None
    joined: str | None


class UserInfo(TypedDict):
    """What else is known of the author."""

    display_name: str | None


class Moderation(TypedDict):
    """What moderators alone see."""

    flagCount: int


@_OPEN
class Annotation(TypedDict):
    """An annotation as the caller sees it, with all other keys that its author's client has sent."""

    id: str
    created: Timestamp
    updated: Timestamp
    user: str
    uri: str
    text: str
    tags: list[str]
    group: str
    moderation_status: ModerationStatus | None
    permissions: Permissions
    target: list[Target]
    document: AnnotatedDocument
    links: AnnotationLinks
    actions: list[Literal["moderate"]]
    mentions: list[Mention]
    user_info: UserInfo
    references: NotRequired[list[str]]
    flagged: bool
    hidden: bool
    moderation: NotRequired[Moderation]


@_OPEN
class NewTarget(TypedDict):
    """The annotated part of the document; of several the first counts."""

    description: NotRequired[Annotated[str, Field(max_length=schemas.MAX_DESCRIPTION_CHARS)]]
    selector: NotRequired[Annotated[list[Selector], Field(max_length=schemas.MAX_SELECTORS)]]


@_OPEN
class NewPermissions(TypedDict):
    """Who may do what; only `read` counts."""

    read: Principals
    admin: NotRequired[Principals]
    update: NotRequired[Principals]
    delete: NotRequired[Principals]


@_OPEN
class NewDocumentLink(TypedDict):
    """An address of the document."""

    href: Annotated[str, Field(max_length=schemas.MAX_HREF_CHARS)]
    rel: NotRequired[str]
    type: NotRequired[str]


@_OPEN
class DublinCore(TypedDict, total=False):
    """Dublin Core metadata."""

    identifier: list[str]


@_OPEN
class Highwire(TypedDict, total=False):
    """Highwire Press metadata."""

    doi: list[str]
    pdf_url: list[str]


@_OPEN
class NewDocument(TypedDict, total=False):
    """What the client found out about the document."""

    title: Any
    link: list[NewDocumentLink]
    dc: DublinCore
    highwire: Highwire
    version: Annotated[int, Field(ge=0, le=schemas.MAX_DOCUMENT_VERSION)] | None


@_OPEN
class AnnotationUpdate(TypedDict, total=False):
    """What is to change; keys that only the server sets are ignored, unknown ones are kept and given back."""

    uri: Annotated[str, Field(min_length=1, max_length=schemas.MAX_URI_CHARS)]
    text: Annotated[str, Field(max_length=schemas.MAX_TEXT_CHARS)]
    tags: Annotated[list[Annotated[str, Field(max_length=schemas.MAX_TAG_CHARS)]], Field(max_length=schemas.MAX_TAGS)]
    permissions: NewPermissions
    target: Annotated[list[NewTarget], Field(max_length=schemas.MAX_TARGETS)]
    document: NewDocument
    metadata: dict[str, Any]


@_OPEN
class NewAnnotation(TypedDict):
    """A new annotation; keys that only the server sets are ignored, unknown ones are kept and given back."""

    uri: Annotated[str, Field(min_length=1, max_length=schemas.MAX_URI_CHARS)]
    text: NotRequired[Annotated[str, Field(max_length=schemas.MAX_TEXT_CHARS)]]
    tags: NotRequired[
        Annotated[list[Annotated[str, Field(max_length=schemas.MAX_TAG_CHARS)]], Field(max_length=schemas.MAX_TAGS)]
    ]
    group: NotRequired[Annotated[str, Field(description="A group's id; `__world__` if it is missing.")]]
    permissions: NotRequired[NewPermissions]
    references: NotRequired[
        Annotated[
            list[str],
            Field(max_length=schemas.MAX_REFERENCES, description="Ids of its ancestors, the root first."),
        ]
    ]
    target: NotRequired[Annotated[list[NewTarget], Field(max_length=schemas.MAX_TARGETS)]]
    document: NotRequired[NewDocument]
    metadata: NotRequired[dict[str, Any]]


class DeletedAnnotation(TypedDict):
    """That an annotation is gone."""

    id: str
    deleted: Literal[True]


class IndexedAnnotation(TypedDict):
    """That searches see an annotation."""

    id: str
    indexed: Literal[True]


WebAnnotation = TypedDict(
    "WebAnnotation",
    {
        "@context": Literal["http://www.w3.org/ns/anno.jsonld"],
        "type": Literal["Annotation"],
        "id": str,
        "created": Timestamp,
        "modified": Timestamp,
        "creator": str,
        "body": list[dict[str, Any]],
        "target": list[dict[str, Any]],
    },
)
"""An annotation in the W3C's data model."""
