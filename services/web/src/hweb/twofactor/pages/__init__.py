"""Pages of the second factor."""

from fastapi import APIRouter

from hweb.twofactor.pages import login, settings

router = APIRouter(include_in_schema=False)
for part in (login, settings):
    router.include_router(part.router)
