"""The OpenAPI document as plain values for a page."""

import re
from dataclasses import dataclass
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")
_UNWORDLY = re.compile(r"[^a-z0-9]+")
_OTHER = "other"
_ANYBODY = "anybody"
_WAYS = {
    frozenset[str](): _ANYBODY,
    frozenset({"bearer"}): "a user, with a token",
    frozenset({"basic"}): "an application, with its id and secret",
    frozenset({"cookie", "csrf"}): "pages of this site, with the session's cookie and `X-CSRF-Token`",
    frozenset({"cookie"}): "a browser, with the session's cookie",
}
"""Words for each way to prove who one is, by the names of the schemes that it takes."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `place` is `path`, `query` or `header`."""

    name: str
    place: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One route.

    Attributes:
        anchor: Its place in the page.
        paragraphs: The description without its first line, which is `summary`.
        callers: Who is known there, and by what; `anybody` where nothing need be proved.
        takes_cookie: Whether a cookie is among that.
    """

    method: str
    path: str
    anchor: str
    summary: str
    paragraphs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    callers: tuple[str, ...]
    takes_cookie: bool


@dataclass(frozen=True, slots=True)
class Section:
    """The operations of one tag, by path."""

    title: str
    anchor: str
    operations: tuple[Operation, ...]


def sections(openapi: dict[str, Any]) -> tuple[Section, ...]:
    """Return the operations below `/api/`, by tag, both in alphabetical order."""
    found: dict[str, list[Operation]] = {}
    for path, item in sorted(openapi["paths"].items()):
        if not path.startswith("/api/"):
            continue
        for method in _METHODS:
            if method in item:
                tag = (item[method].get("tags") or [_OTHER])[0]
                found.setdefault(tag, []).append(_operation(method, path, item[method]))
    return tuple(Section(tag.capitalize(), _slug(tag), tuple(found[tag])) for tag in sorted(found))


def _operation(method: str, path: str, values: dict[str, Any]) -> Operation:
    summary, _, rest = values.get("description", "").partition("\n\n")
    security: list[dict[str, list[str]]] = values.get("security", [{}])
    paragraphs = [" ".join(part.split()).partition(" Source:")[0] for part in rest.split("\n\n")]
    return Operation(
        method=method.upper(),
        path=path,
        anchor=_slug(f"{method}-{path.removeprefix('/api/') or 'index'}"),
        summary=" ".join(summary.split()) or values.get("summary", ""),
        # How the code can fail and where its rules come from is for those who read the code.
        paragraphs=tuple(part for part in paragraphs if part and not part.startswith(("Raises:", "Source:", "Args:"))),
        parameters=tuple(_parameter(parameter) for parameter in values.get("parameters", ())),
        callers=tuple(_WAYS[frozenset(way)] for way in security),
        takes_cookie=any("cookie" in way for way in security),
    )


def _parameter(values: dict[str, Any]) -> Parameter:
    return Parameter(
        name=values["name"],
        place=values["in"],
        required=values.get("required", False),
        description=values.get("description", ""),
    )


def _slug(text: str) -> str:
    return _UNWORDLY.sub("-", text.lower()).strip("-")
