"""What the bodies of create and update may say.

Source: specification of the API, sections 1.6 and 1.7 with the corrections of section 14; the client's habits,
section 2.7: it sends whole annotations back, with everything that the server had added.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hcommon import uri as uris
from hcommon.ids import WORLD_GROUP, InvalidIdError, annotation_id_from_urlsafe
from hcommon.uri import InvalidURIError

from hweb.annotations.checks import Checks, TooLargeError, encode

MAX_URI_CHARS: Final = 65_536
MAX_TEXT_CHARS: Final = 4 * 1024 * 1024
MAX_TAGS: Final = 1000
MAX_TAG_CHARS: Final = 1000
MAX_REFERENCES: Final = 1000
MAX_SELECTORS: Final = 1000
MAX_TARGETS: Final = 100
MAX_DESCRIPTION_CHARS: Final = 5000
MAX_HREF_CHARS: Final = 3000
MAX_PERMISSIONS: Final = 1000
MAX_DOCUMENT_VERSION: Final = 2**31 - 1

_PRINCIPAL: Final = re.compile(r"(?:acct:|group:).+")
_PRINCIPAL_FORM: Final = "must begin with acct: or group:"

_OWN: Final = frozenset(
    {"uri", "text", "tags", "group", "permissions", "references", "target", "document", "metadata"},
)
"""Keys that mean something here."""

_PROTECTED: Final = frozenset(
    {
        "id",
        "created",
        "updated",
        "user",
        "userid",
        "groupid",
        "user_info",
        "links",
        "actions",
        "mentions",
        "flagged",
        "hidden",
        "moderation",
        "moderation_status",
    }
)
"""Keys that the server alone says; the client sends them back, and they are dropped without a word."""


@dataclass(frozen=True, slots=True)
class Target:
    """What part of the page is annotated.

    Attributes:
        selectors: JSON list as sent; None when there are none.
    """

    description: str | None
    selectors: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """What a new annotation and a change both can say; None means that nothing was said.

    Attributes:
        read: `permissions.read`.
        document: The `document` object, unchecked but for what its claims are made from.
        document_version: 0 means unversioned.
        metadata: JSON object.
        extra: The client's own keys.
    """

    text: str | None
    tags: list[str] | None
    read: list[str] | None
    target: Target | None
    document: dict[str, Any] | None
    document_version: int | None
    metadata: str | None
    extra: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewAnnotation:
    """The body of a create.

    Attributes:
        uri: Trimmed, and known to be one.
        group: A pubid or a groupid, as sent.
        references: Ancestors, the root first.
    """

    uri: str
    group: str
    references: list[UUID]
    content: Content


@dataclass(frozen=True, slots=True)
class AnnotationChange:
    """The body of an update.

    Attributes:
        uri: Trimmed, and known to be one; None for no change.
    """

    uri: str | None
    content: Content


def new_annotation(body: Mapping[str, Any]) -> NewAnnotation:
    """Return the body of a create.

    Raises:
        InvalidAnnotationError: Something can't be; all problems are named.
        TooLargeError: Something is far too large.
    """
    checks = Checks()
    uri = _uri(checks, body)
    if "uri" not in body:
        checks.problem("uri", "is required")
    group = checks.text(body, "group", path="group")
    references = _references(checks, body)
    content = _content(checks, body)
    checks.finish()
    return NewAnnotation(
        uri=uri or "", group=WORLD_GROUP if group is None else group, references=references, content=content
    )


def annotation_change(body: Mapping[str, Any]) -> AnnotationChange:
    """Return the body of an update; group and references can't change and aren't looked at.

    Raises:
        InvalidAnnotationError: Something can't be; all problems are named.
        TooLargeError: Something is far too large.
    """
    checks = Checks()
    uri = _uri(checks, body)
    content = _content(checks, body)
    checks.finish()
    return AnnotationChange(uri=uri, content=content)


def _uri(checks: Checks, body: Mapping[str, Any]) -> str | None:
    given = checks.text(body, "uri", path="uri", longest=MAX_URI_CHARS)
    if given is None:
        return None
    uri = given.strip()
    if not uri:
        checks.problem("uri", "must not be empty")
    try:
        uris.normalize(uri)
    except InvalidURIError as error:
        checks.problem("uri", error.reason)
    return uri


def _references(checks: Checks, body: Mapping[str, Any]) -> list[UUID]:
    found = []
    items = checks.sequence(body, "references", path="references", longest=MAX_REFERENCES) or []
    for number, item in enumerate(items):
        path = f"references.{number}"
        text = checks.text_item(item, path=path)
        if text is None:
            continue
        try:
            found.append(annotation_id_from_urlsafe(text))
        except InvalidIdError:
            checks.problem(path, "is not the id of an annotation")
    return found


def _content(checks: Checks, body: Mapping[str, Any]) -> Content:
    text = checks.text(body, "text", path="text")
    if text is not None and len(text) > MAX_TEXT_CHARS:
        raise TooLargeError(f"text: must not be longer than {MAX_TEXT_CHARS} characters")
    metadata = checks.mapping(body, "metadata", path="metadata")
    document = checks.mapping(body, "document", path="document")
    return Content(
        text=text,
        tags=checks.texts(body, "tags", path="tags", most=MAX_TAGS, longest=MAX_TAG_CHARS),
        read=_read_permission(checks, body),
        target=_target(checks, body),
        document=document,
        document_version=_document_version(checks, document or {}),
        metadata=None if metadata is None else encode(metadata, path="metadata"),
        extra={key: value for key, value in body.items() if key not in _OWN and key not in _PROTECTED},
    )


def _read_permission(checks: Checks, body: Mapping[str, Any]) -> list[str] | None:
    permissions = checks.mapping(body, "permissions", path="permissions")
    if permissions is None:
        return None
    if "read" not in permissions:
        checks.problem("permissions.read", "is required")
    principals = {
        key: checks.texts(
            permissions,
            key,
            path=f"permissions.{key}",
            most=MAX_PERMISSIONS,
            pattern=_PRINCIPAL,
            form=_PRINCIPAL_FORM,
        )
        for key in ("read", "admin", "update", "delete")
    }
    return principals["read"]


def _target(checks: Checks, body: Mapping[str, Any]) -> Target | None:
    """Return the first target, the only one that counts; an empty list says that there is none."""
    targets = []
    for path, target in checks.objects(body, "target", path="target", longest=MAX_TARGETS):
        description = checks.text(target, "description", path=f"{path}.description", longest=MAX_DESCRIPTION_CHARS)
        selectors = []
        for place, selector in checks.objects(target, "selector", path=f"{path}.selector", longest=MAX_SELECTORS):
            if "type" not in selector:
                checks.problem(f"{place}.type", "is required")
            checks.text(selector, "type", path=f"{place}.type", nul=True)
            selectors.append(selector)
        targets.append((description, selectors))
    if not isinstance(body.get("target"), list):
        return None
    description, selectors = targets[0] if targets else (None, [])
    return Target(description=description, selectors=encode(selectors, path="target.0.selector") if selectors else None)


def _document_version(checks: Checks, document: Mapping[str, Any]) -> int | None:
    """Check what claims are made from, and return the version."""
    for path, link in checks.objects(document, "link", path="document.link"):
        if "href" not in link:
            checks.problem(f"{path}.href", "is required")
        checks.text(link, "href", path=f"{path}.href", longest=MAX_HREF_CHARS)
        checks.text(link, "type", path=f"{path}.type")
    for part, keys in (("dc", ("identifier",)), ("highwire", ("doi", "pdf_url"))):
        values = checks.mapping(document, part, path=f"document.{part}") or {}
        for key in keys:
            checks.texts(values, key, path=f"document.{part}.{key}")
    version = document.get("version")
    if version is not None and (type(version) is not int or not 0 <= version <= MAX_DOCUMENT_VERSION):
        checks.problem("document.version", f"must be a whole number from 0 to {MAX_DOCUMENT_VERSION}")
        return None
    return version
