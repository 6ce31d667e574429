"""Writes of the profile."""

from typing import Any, Final

from hcommon.auth import Principal
from hcommon.errors import ErrorKind, HError
from hcommon.models import User
from sqlalchemy import update
from sqlalchemy.orm import Session

from hweb.profile.schemas import PreferenceChanges

LONGEST_DISPLAY_NAME: Final = 30
"""In characters; as applications may give their users."""

_JOINERS: Final = {0x200C: None, 0x200D: None}


class NotLoggedInError(HError):
    """Only a user has preferences."""

    kind = ErrorKind.UNAUTHENTICATED


def change_preferences(session: Session, *, principal: Principal, changes: PreferenceChanges) -> None:
    """Change the user's preferences.

    Raises:
        NotLoggedInError: The caller is anonymous.
    """
    if principal.user_id is None:
        raise NotLoggedInError("Log in to have preferences.")
    values: dict[str, Any] = dict(changes.flags)
    if changes.has_shortcuts:
        values["shortcuts"] = changes.shortcuts
    if values:
        session.execute(update(User).where(User.id == principal.user_id).values(values))


def display_name_problem(name: str) -> str | None:
    """Return why others cannot be shown this name, or None; an empty one stands for none."""
    if len(name) > LONGEST_DISPLAY_NAME:
        return f"At most {LONGEST_DISPLAY_NAME} characters, please."
    # Those that turn the direction of the text around are among them; Persian needs the joiners, and some emoji do.
    visible = name.translate(_JOINERS)
    return None if visible.isprintable() else "This has characters that cannot be seen."


def change_display_name(session: Session, *, user_id: int, display_name: str) -> None:
    """Have a user shown by another name, or by the user name if it is empty; cached pages follow."""
    session.execute(update(User).where(User.id == user_id).values(display_name=display_name or None))
