"""The web application on a rolled-back database, as its own tests have it, and an application that asks it."""

from collections.abc import Callable

import pytest

from services.web.tests.conftest import basic_auth, client, description, portal, resources, settings, site
from tests.contract.cases import LMS

__all__ = ["basic_auth", "client", "description", "portal", "resources", "settings", "site"]


@pytest.fixture
def application(basic_auth: Callable[..., dict[str, str]]) -> dict[str, str]:
    """Headers of an application of the course's authority."""
    return basic_auth(LMS, capabilities=["bulk"])
