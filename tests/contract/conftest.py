"""The web application on a rolled-back database, as its own tests have it."""

from services.web.tests.conftest import basic_auth, client, description, portal, resources, settings, site

__all__ = ["basic_auth", "client", "description", "portal", "resources", "settings", "site"]
