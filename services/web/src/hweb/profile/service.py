"""Writes of the profile."""

from typing import Any

from hcommon.auth import Principal
from hcommon.errors import ErrorKind, HError
from hcommon.models import User
from sqlalchemy import update
from sqlalchemy.orm import Session

from hweb.profile.schemas import PreferenceChanges


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
