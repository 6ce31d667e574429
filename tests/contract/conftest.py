"""The web application on a rolled-back database, as its own tests have it, and an application that asks it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from fastapi import FastAPI
from hweb.app import create_app
from hweb.resources import Resources
from starlette.testclient import TestClient

from services.web.tests.conftest import basic_auth, client, description, portal, resources, settings, site
from services.web.tests.described import Description
from tests.contract.cases import LMS

__all__ = ["basic_auth", "client", "description", "portal", "resources", "settings", "site"]


@pytest.fixture
def application(basic_auth: Callable[..., dict[str, str]]) -> dict[str, str]:
    """Headers of an application of the course's authority."""
    return basic_auth(LMS, capabilities=["bulk"])


@pytest.fixture
def make_client(
    resources: Resources, site: FastAPI, portal: BlockingPortal, description: Description
) -> Callable[..., TestClient]:
    """Return a client of an application with other resources, whose answers are held against the document too."""

    def make(**values: Any) -> TestClient:
        app = create_app(replace(resources, **values), site=site)
        client = TestClient(app, base_url=resources.settings.app_url, raise_server_exceptions=False)
        client.portal = portal
        client.event_hooks = {"response": [description.check]}
        return client

    return make
