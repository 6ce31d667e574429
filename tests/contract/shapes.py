"""A small language for shapes of JSON, so that a test reads like the answer it expects."""

from typing import Any


class Optional:
    """In place of a value: the key may be missing."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


class Either:
    """In place of a value: one of several shapes."""

    def __init__(self, *shapes: Any) -> None:
        self.shapes = shapes


def differences(value: Any, shape: Any, path: str = "answer") -> list[str]:
    """Return where a value is not of a shape.

    A type is any value of exactly that type, a list of one shape a list of those, a dict exactly those keys; everything
    else is itself.
    """
    match shape:
        case Either(shapes=shapes):
            found = [differences(value, one, path) for one in shapes]
            return [] if [] in found else [f"{path}: none of the shapes fits {value!r}"]
        case type():
            return [] if type(value) is shape else [f"{path}: {value!r} is no {shape.__name__}"]
        case [one]:
            if not isinstance(value, list):
                return [f"{path}: {value!r} is no list"]
            return [
                problem for index, item in enumerate(value) for problem in differences(item, one, f"{path}.{index}")
            ]
        case dict():
            return _of_object(value, shape, path)
    return [] if value == shape else [f"{path}: {value!r} is not {shape!r}"]


def _of_object(value: Any, shape: dict[str, Any], path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no object"]
    problems = [f"{path}.{key}: is not expected" for key in sorted(value.keys() - shape.keys())]
    for key, one in shape.items():
        inner = one.shape if isinstance(one, Optional) else one
        if key in value:
            problems += differences(value[key], inner, f"{path}.{key}")
        elif inner is one:
            problems.append(f"{path}.{key}: is missing")
    return problems
