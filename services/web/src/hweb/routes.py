"""Every router, in the order in which requests look for theirs: the busiest first."""

from fastapi import FastAPI

from hweb.accounts import pages as accounts
from hweb.analytics import api as analytics
from hweb.annotations import api as annotations
from hweb.badge import api as badge
from hweb.bulk import api as bulk
from hweb.checkpoints import api as checkpoints
from hweb.development import api as development
from hweb.docs import pages as docs
from hweb.emails import pages as emails
from hweb.embed import pages as embed
from hweb.feeds import pages as feeds
from hweb.flags import api as flags
from hweb.groups import api as groups
from hweb.groups import deletion_pages as group_deletion
from hweb.groups import members_api, members_pages
from hweb.groups import pages as groups_pages
from hweb.links import api as links
from hweb.logins import pages as logins
from hweb.mailbox import pages as mailbox
from hweb.moderation import api as moderation
from hweb.moderation import pages as moderation_pages
from hweb.notifications import pages as notifications
from hweb.oauth import api as oauth
from hweb.oauth import developer
from hweb.oauth import pages as oauth_pages
from hweb.oidc import pages as oidc
from hweb.organizations import pages as organizations
from hweb.profile import api as profile
from hweb.profile import pages as profile_pages
from hweb.search import api as search
from hweb.site import api as site
from hweb.status import api as status
from hweb.twofactor import pages as twofactor
from hweb.users import api as users
from hweb.welcome import pages as welcome


def include(app: FastAPI) -> None:
    """Add every router."""
    for router in (
        badge.router,
        search.router,
        annotations.router,
        profile.router,
        groups.router,
        flags.router,
        moderation.router,
        members_api.router,
        links.router,
        analytics.router,
        users.router,
        bulk.router,
        checkpoints.router,
        development.router,
        oauth.router,
        embed.router,
        feeds.router,
        site.router,
        welcome.router,
        profile_pages.router,
        members_pages.router,
        moderation_pages.router,
        group_deletion.router,
        groups_pages.router,
        organizations.router,
        docs.router,
        mailbox.router,
        accounts.router,
        logins.router,
        emails.router,
        twofactor.router,
        oidc.router,
        notifications.router,
        oauth_pages.router,
        developer.router,
        status.router,
    ):
        app.include_router(router)
