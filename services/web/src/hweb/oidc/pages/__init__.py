"""Pages of signing in through the provider; a site without one has none of them."""

from fastapi import APIRouter

from hweb.oidc.pages import identity, log_in, strangers

router = APIRouter(include_in_schema=False)
for part in (log_in, strangers, identity):
    router.include_router(part.router)
