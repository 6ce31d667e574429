"""Checking JSON by hand: every problem gets the dotted path of its place, and wrong types are problems like others."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson
from hcommon.errors import ErrorKind, HError

MAX_PROBLEMS: Final = 20
"""Most problems that are told at once; looking for more stops there."""

MAX_JSON_DEPTH: Final = 100
"""Most levels of JSON that is kept as it is, so that it can be shown inside longer answers."""

MAX_JSON_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of one such value: the selectors of a target, the client's own keys, `metadata`."""

_ENCODER_DEPTH: Final = 254
_NUL: Final = "\x00"


class InvalidAnnotationError(HError):
    """Something about the annotation can't be; the reason names the place."""


class TooLargeError(HError):
    """Something about the annotation is larger than anything that people write."""

    kind = ErrorKind.TOO_LARGE


class Checks:
    """Collects the problems of one body.

    The functions that take a value return it when it is right; when it is missing or wrong they return None, and
    note a problem for the latter.
    """

    def __init__(self, *, error: Callable[[str], HError] = InvalidAnnotationError) -> None:
        self._error = error
        self._problems: list[str] = []

    @property
    def full(self) -> bool:
        """Return whether looking for more problems is pointless."""
        return len(self._problems) >= MAX_PROBLEMS

    def problem(self, path: str, message: str) -> None:
        """Note a problem."""
        if not self.full:
            self._problems.append(f"{path}: {message}")

    def finish(self) -> None:
        """Raise what was found, if there were problems; the reason joins them by `, `."""
        if self._problems:
            raise self._error(", ".join(self._problems))

    def text(
        self, values: Mapping[str, Any], key: str, *, path: str, longest: int | None = None, nul: bool = False
    ) -> str | None:
        """Return a string; one with NUL can't be stored as text (`nul` allows it)."""
        return self.text_item(values[key], path=path, longest=longest, nul=nul) if key in values else None

    def text_item(self, value: Any, *, path: str, longest: int | None = None, nul: bool = False) -> str | None:
        """Return a string that is an item of a list."""
        if not isinstance(value, str):
            self.problem(path, "must be a string")
        elif longest is not None and len(value) > longest:
            self.problem(path, f"must not be longer than {longest} characters")
        elif not nul and _NUL in value:
            self.problem(path, "must not contain a NUL character")
        else:
            return value
        return None

    def mapping(self, values: Mapping[str, Any], key: str, *, path: str) -> dict[str, Any] | None:
        """Return a JSON object."""
        value = values.get(key)
        if key in values and not isinstance(value, dict):
            self.problem(path, "must be an object")
            return None
        return value

    def sequence(
        self, values: Mapping[str, Any], key: str, *, path: str, longest: int | None = None
    ) -> list[Any] | None:
        """Return a JSON array."""
        value = values.get(key)
        if key not in values:
            return None
        if not isinstance(value, list):
            self.problem(path, "must be an array")
            return None
        if longest is not None and len(value) > longest:
            self.problem(path, f"must not have more than {longest} items")
            return None
        return value

    def texts(
        self,
        values: Mapping[str, Any],
        key: str,
        *,
        path: str,
        most: int | None = None,
        longest: int | None = None,
        pattern: re.Pattern[str] | None = None,
        form: str = "",
    ) -> list[str] | None:
        """Return a JSON array of strings; `form` says in words what `pattern` asks of each."""
        items = self.sequence(values, key, path=path, longest=most)
        if items is None:
            return None
        for place, item in self._numbered(items, path):
            text = self.text_item(item, path=place, longest=longest)
            if text is not None and pattern is not None and pattern.fullmatch(text) is None:
                self.problem(place, form)
        return items

    def objects(
        self, values: Mapping[str, Any], key: str, *, path: str, longest: int | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Return each JSON object of an array with its path."""
        for place, item in self._numbered(self.sequence(values, key, path=path, longest=longest) or [], path):
            if isinstance(item, dict):
                yield place, item
            else:
                self.problem(place, "must be an object")

    def _numbered(self, items: list[Any], path: str) -> Iterator[tuple[str, Any]]:
        for number, item in enumerate(items):
            if self.full:
                return
            yield f"{path}.{number}", item


def encode(value: Any, *, path: str) -> str:
    """Return JSON to be kept as it is.

    Raises:
        InvalidAnnotationError: It has too many levels.
        TooLargeError: It is too long.
    """
    # The encoder's own limit of levels, reached sooner by wrapping: it counts far faster than Python could.
    wrapped = value
    wrapping = _ENCODER_DEPTH - MAX_JSON_DEPTH
    for _ in range(wrapping):
        wrapped = [wrapped]
    try:
        encoded = orjson.dumps(wrapped)[wrapping:-wrapping]
    except orjson.JSONEncodeError as error:
        raise InvalidAnnotationError(f"{path}: must not have more than {MAX_JSON_DEPTH} levels") from error
    if len(encoded) > MAX_JSON_BYTES:
        raise TooLargeError(f"{path}: must not be longer than {MAX_JSON_BYTES} bytes")
    return encoded.decode()
