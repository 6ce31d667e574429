"""Who asks about groups."""

from collections.abc import Callable

import pytest
from hcommon.models import User
from hcommon.testing.factories import make_access_token
from sqlalchemy.orm import Session


@pytest.fixture
def token(session: Session) -> Callable[[User], dict[str, str]]:
    """Return the headers of a user's requests: `token(user)`."""

    def token(user: User) -> dict[str, str]:
        return {"Authorization": f"Bearer {make_access_token(session, user=user)}"}

    return token
