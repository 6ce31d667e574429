"""The token in a mail that ends mails of its kind.

It is what its bearer may do: mail programs send it without a session when somebody clicks "unsubscribe".
"""

from datetime import datetime
from typing import Final

from hcommon.crypto import InvalidSignatureError, KeyRing
from hcommon.errors import ErrorKind, HError
from hcommon.models.notification import NotificationKind

LABEL: Final = "unsubscribe"
"""Label under which the worker signs `[user_id, kind]`."""


class UnsubscribeLinkError(HError):
    """The link is not one of ours, or has expired."""

    kind = ErrorKind.NOT_FOUND


def read(keys: KeyRing, token: str, *, now: datetime) -> tuple[int, NotificationKind]:
    """Return whose mails of which kind a token ends.

    Raises:
        UnsubscribeLinkError: It ends none.
    """
    try:
        value = keys.verify(LABEL, token, now=now)
    except InvalidSignatureError as error:
        raise UnsubscribeLinkError(
            f"{error.reason} You can choose which messages you get in the settings of your account."
        ) from error
    match value:
        case [int(user_id), str(kind)] if kind in set(NotificationKind):
            return user_id, NotificationKind(kind)
    raise UnsubscribeLinkError("This link is not valid.")
