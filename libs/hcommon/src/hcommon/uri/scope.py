"""Scopes of groups: the part of the web that a group's annotations belong to."""

from hcommon.uri.parse import InvalidURIError, normalize_path, split_http


def split_scope(url: str) -> tuple[str, str]:
    """Return origin and path of an http(s) URL, in the one spelling that scopes are stored and compared in.

    The origin is scheme, host and port, without user and password and without a default port; the path has no trailing
    slash and no dot segments, and is empty for a whole site. Query and fragment don't count.

    Raises:
        InvalidURIError: the URL isn't http or https, or its host or port can't be.
    """
    parts = split_http(url)
    if parts is None:
        raise InvalidURIError("A scope is an http or https URL with a host.")
    if "\\" in parts.host or "\\" in parts.userinfo:
        # Browsers end the host at a backslash, so this names another site to them.
        raise InvalidURIError("The URL's host is not valid.")
    return f"{parts.scheme}://{parts.host_and_port}", _without_dot_segments(normalize_path(parts.path))


def _without_dot_segments(path: str) -> str:
    if "/." not in path:
        return path
    segments: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del segments[-1:]
        elif segment != ".":
            segments.append(segment)
    return "".join([f"/{segment}" for segment in segments]).rstrip("/")


def scope_matches(scope: str, uri: str) -> bool:
    """Tell whether a URI lies in a scope: same origin, and the scope's path or one below it.

    `https://example.com/a` takes in itself, `/a/…`, `/a?x` and `/a#x`, but neither `/ab` nor
    `https://example.com.evil.org`. What isn't an http(s) URI is in no scope.

    Source: specification of the API, section 4.5. Different from there: not the beginning of the text is compared.
    """
    try:
        scope_origin, scope_path = split_scope(scope)
        origin, path = split_scope(uri)
    except InvalidURIError:
        return False
    return origin == scope_origin and (path == scope_path or path.startswith(f"{scope_path}/"))
