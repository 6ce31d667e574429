"""The one expected failure of this package: something on this machine stands in the way."""

from hcommon.errors import ErrorKind, HError


class StandaloneError(HError):
    """The embedded system cannot start or go on; the text says what to do and is all that the user sees."""

    kind = ErrorKind.UNAVAILABLE
